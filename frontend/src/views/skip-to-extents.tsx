/** A way around the map for those who cannot use it: its table. Seen when it has the focus. */
import type { JSX } from "preact";
import { mapHash, type MapRoute } from "../state/route";

/** Just before the map in the order of the Tab key. */
export function SkipToExtents({ route }: { readonly route: MapRoute }): JSX.Element {
  return (
    <a
      class="skip"
      href={mapHash(route.address, { ...route, panel: "extents" })}
      data-testid="skip-to-extents"
      onClick={() => {
        // Where the table is open already the address stays, and nothing else would happen.
        document.getElementById("extents")?.focus();
      }}
    >
      Skip the map: its cells as a table of extents
    </a>
  );
}
