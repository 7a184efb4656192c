/** Says on the map why colours are unknown there, and how they would be known. */
import type { JSX } from "preact";
import { limitOf } from "../lib/limits";
import type { ColorMode } from "../lib/palette";
import type { HostSummary } from "../wire/types";

/** Nothing where nothing is missing. */
export function LimitNote(props: {
  readonly host: HostSummary;
  readonly color: ColorMode;
}): JSX.Element | null {
  const limit = limitOf(props.color, props.host);
  if (limit === null) return null;
  return (
    <p class="notice notice-late" role="note" data-testid="limit-note">
      Colours by {props.color} are not known here, or not all: {limit.reason}.
      {limit.remedy !== null && <> To have them: {limit.remedy}.</>}
    </p>
  );
}
