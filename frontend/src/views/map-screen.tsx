/** One mapping: its name, what is said of it, and its map. */
import type { JSX } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { address, addressRange } from "../lib/format";
import { processTitle } from "../lib/process-title";
import { maps } from "../state/maps";
import type { MapRoute } from "../state/route";
import { find } from "../state/selection";
import type { Store } from "../state/store";
import { MapView } from "./map-view";
import { useKeyDesk } from "./key-desk";
import { controlsPart, loadLevels } from "./map-parts";
import type { DragMode } from "./plot-axes";
import { SourceBanner } from "./source-banner";

/** The screen of the mapping that the route names. */
export function MapScreen(props: { readonly store: Store; readonly route: MapRoute }): JSX.Element {
  const { store, route } = props;
  useLayoutEffect(() => {
    store.useMaps(maps, () => {
      void loadLevels().then((levels) => {
        store.useCoarse(levels);
      });
    });
  }, [store]);
  const part = controlsPart();
  const desk = useKeyDesk(store);
  const wanted = route.address;
  const overview = store.received.value?.overview ?? null;
  const host = overview?.hosts.find((candidate) => candidate.host_id === wanted.hostId) ?? null;
  const picture = store.picture.value;
  const found = overview && find(overview, wanted);
  // Where another mapping stands at the address by now, the facts stay those of the picture.
  const stale = picture !== null && found?.mapping.id !== picture.info.id;
  const info = stale ? picture.info : (found?.mapping ?? null);
  const process = host?.processes.find((candidate) => candidate.pid === wanted.pid);
  const [dragMode, setDragMode] = useState<DragMode>("zoom");
  return (
    <section
      class="map"
      aria-label="map of a mapping"
      data-testid="map"
      data-phase={store.selection.value.phase}
    >
      {host && <SourceBanner source={host.source} past={store.time.past.value} />}
      <h1>
        <span class="map-process">
          {process ? processTitle(process) : "process"} <span class="muted">pid {wanted.pid}</span>
        </span>{" "}
        <span class="mono">
          {info ? addressRange(info.start, info.end) : address(wanted.start)}
        </span>
      </h1>
      <div class="map-preface">{part && <part.MapPreface {...{ store, host, route, info }} />}</div>
      {picture && (
        <MapView
          key={picture.serial}
          {...{ store, picture, host, route, desk, dragMode, setDragMode }}
        />
      )}
    </section>
  );
}
