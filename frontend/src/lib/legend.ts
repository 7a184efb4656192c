/** The classes that occur, as lines of a legend. */
import type { Rgb } from "./color";
import {
  MIGRATING,
  NO_PAGE,
  PAINT_OF_STATE,
  PARTIAL,
  PARTIAL_LEVELS,
  paintsOf,
  POISONED,
  SHARED_TABLE,
  SPARSE,
  UNKNOWN,
  WRITE_PROTECTED,
  type Paint,
  type Paints,
  type Pattern,
  type Theme,
} from "./palette";

/** A line of the legend. */
export interface LegendEntry {
  readonly key: string;
  readonly label: string;
  readonly color: Rgb;
  readonly pattern: Pattern;
  readonly count: number;
}

/** Danger first, then by number, then where there is no page. */
const LEGEND_ORDER: readonly number[] = [
  POISONED,
  MIGRATING,
  ...Array.from({ length: UNKNOWN }, (_, at) => at + 1),
  NO_PAGE,
];

/** Classes that occur. Where several paints have one key, the last one's colour stands for all. */
export function legendOf(
  paints: Paints,
  counts: Uint32Array,
  order: readonly number[] = LEGEND_ORDER,
): LegendEntry[] {
  const byKey = new Map<string, LegendEntry>();
  for (const number of order) {
    const count = counts[number] ?? 0;
    const paint = paints[number];
    if (count === 0 || paint === undefined) continue;
    const before = byKey.get(paint.key)?.count ?? 0;
    byKey.set(paint.key, { ...paint, count: before + count });
  }
  return [...byKey.values()];
}

/**
 * The legend of colours by state: each state with all its cells, also those painted in the colour of a flag, which
 * come last, as a part of these. `flags`: cells of groups that have the flag. Groups with pages
 * among many holes have a line of their own, which counts groups.
 */
export function stateLegend(
  paints: Paints,
  counts: Uint32Array,
  states: ArrayLike<number>,
  flags: { readonly writeProtected: number; readonly sharedTable: number } | null = null,
): LegendEntry[] {
  const byState = new Uint32Array(counts.length);
  const flagged = new Uint32Array(counts.length);
  byState[SPARSE] = counts[SPARSE] ?? 0;
  PAINT_OF_STATE.forEach((paint, state) => {
    byState[barPaint(paint)] = states[state] ?? 0;
  });
  flagged[SHARED_TABLE] = flags?.sharedTable ?? counts[SHARED_TABLE] ?? 0;
  flagged[WRITE_PROTECTED] = flags?.writeProtected ?? counts[WRITE_PROTECTED] ?? 0;
  return [
    ...legendOf(paints, byState),
    ...legendOf(paints, flagged).map((one) => ({ ...one, label: `of these ${one.label}` })),
  ];
}

/** Where one paint has to stand for all levels of a state. */
function barPaint(paint: number): number {
  return paint === PARTIAL ? PARTIAL + PARTIAL_LEVELS / 2 : paint;
}

/** Paint of each `CellState` where nothing but the state is known, as in a composition bar. */
export function barPaints(theme: Theme, pageSize: number): (Paint | undefined)[] {
  const paints = paintsOf("state", theme, pageSize, 1);
  return PAINT_OF_STATE.map((paint) => paints[barPaint(paint)]);
}
