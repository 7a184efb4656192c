/** Cells counted by state, and the swatch that stands for one paint. */
import type { JSX } from "preact";
import { hex } from "../lib/color";
import { integer, percent } from "../lib/format";
import { barPaints } from "../lib/legend";
import type { Paint } from "../lib/palette";
import { stateName } from "../lib/words";
import { theme } from "../state/theme";
import { CellState } from "../wire/generated";

/** From what stands out to what does not. */
const ORDER = [
  CellState.POISONED,
  CellState.MIGRATING,
  CellState.MAPPED,
  CellState.FULL,
  CellState.SPLIT,
  CellState.PARTIAL,
  CellState.SMALL,
  CellState.MARKER,
] as const;

/** Cells by state as a list in words. */
export function countWords(counts: readonly number[]): string {
  return counts
    .map((count, state) => (count > 0 ? `${stateName(state)} ${integer(count)}` : ""))
    .filter((part) => part !== "")
    .join(", ");
}

/** A square of a paint's colour and hatch. */
export function Swatch({ paint }: { readonly paint: Omit<Paint, "label"> }): JSX.Element {
  return (
    <span
      class={`swatch swatch-${paint.pattern}`}
      style={{ backgroundColor: hex(paint.color) }}
      aria-hidden="true"
    />
  );
}

/** Cells by state in words, each with its swatch. A change in place of `counts` would not be seen: pass a new array. */
export function StateCounts(props: {
  readonly counts: readonly number[];
  readonly pageSize: number;
}): JSX.Element {
  const { counts } = props;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const paints = barPaints(theme.value, props.pageSize);
  return (
    <ul class="legend" data-testid="state-counts">
      {[...ORDER, CellState.HOLE].map((state) => {
        const count = counts[state] ?? 0;
        const paint = paints[state];
        if (count === 0 || paint === undefined) return null;
        return (
          <li key={state}>
            <Swatch paint={paint} /> {stateName(state)} <b>{integer(count)}</b>{" "}
            <span class="muted">{percent(count, total)}</span>
          </li>
        );
      })}
    </ul>
  );
}
