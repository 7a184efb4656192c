/** The classes of the map with their live counts; each switches its cells on and off. */
import type { JSX } from "preact";
import { isShown, solo, toggled, type Shown } from "../lib/filter";
import { integer, percent } from "../lib/format";
import type { LegendEntry } from "../lib/legend";
import { legendLines, legendUnit } from "../state/legend";
import type { Picture } from "../state/picture";
import type { Store } from "../state/store";
import { theme } from "../state/theme";
import { StateCounts, Swatch } from "./composition-bar";

/** What one of the counts counts, where that is not a cell. */
const UNITS = {
  cells: null,
  groups: "counted in groups of neighbouring cells",
  parts: "counted in parts of this page",
} as const;

export interface LegendProps {
  readonly store: Store;
  readonly picture: Picture;
  readonly shown: Shown;
  /** Gets what makes the next filter of the one there is by then. */
  readonly choose: (next: (shown: Shown) => Shown) => void;
}

/** Legend and filter. */
export function Legend(props: LegendProps): JSX.Element {
  const { store, picture, shown, choose } = props;
  store.followCells();
  const { mode } = picture;
  if (!picture.complete) {
    return <p class="legend muted">{picture.fault ?? "Waiting for the first cells."}</p>;
  }
  const size = picture.info.page_size;
  const entries = legendLines(picture, picture.paints(theme.value));
  const counted = legendUnit(picture);
  // Cells that are counted twice come last, as a part of the others.
  const counts =
    counted === "cells" ? Array.from(picture.stateCounts) : entries.map(({ count }) => count);
  const whole = counts.reduce((sum, count) => sum + count, 0);
  const unit = UNITS[counted];
  return (
    <div class="legends">
      <ul class="legend" aria-label={`filter by ${mode}`} data-testid="legend">
        {entries.map((entry) => (
          <LegendLine key={entry.key} {...props} entry={entry} whole={whole} entries={entries} />
        ))}
        {shown !== null && (
          <li>
            <button
              type="button"
              data-testid="show-all"
              onClick={() => {
                choose(() => null);
              }}
            >
              show all
            </button>
          </li>
        )}
        {unit !== null && (
          <li class="muted" data-testid="legend-unit">
            {unit}
          </li>
        )}
      </ul>
      {mode !== "state" && <StateCounts counts={Array.from(picture.stateCounts)} pageSize={size} />}
    </div>
  );
}

function LegendLine(
  props: LegendProps & {
    readonly entry: LegendEntry;
    readonly entries: readonly LegendEntry[];
    readonly whole: number;
  },
): JSX.Element {
  const { entry, entries, shown, choose } = props;
  const { key, label, count } = entry;
  const act = (only: boolean): void => {
    const keys = entries.map((one) => one.key);
    choose((now) => (only ? solo(now, key) : toggled(now, key, keys)));
  };
  return (
    <li data-key={key} data-count={count}>
      <button
        type="button"
        class="legend-line"
        aria-pressed={isShown(shown, key)}
        title="click: show or hide; shift-click or double-click: only this"
        onClick={(event) => {
          // The second click of a double click took the first one back.
          act(event.shiftKey);
        }}
        onDblClick={() => {
          act(true);
        }}
      >
        <Swatch paint={entry} /> {label} <b>{integer(count)}</b>{" "}
        <span class="muted">{key === "sparse" ? "squares" : percent(count, props.whole)}</span>
      </button>
    </li>
  );
}
