/** How keys move the cursor over the cells of a mapping. */
import { cellAt, columnOf, ENTRIES, rowOf, type TableGeometry } from "./geometry";

/** An entry of a page table: row and column of the heatmap. */
export interface Entry {
  readonly row: number;
  readonly column: number;
}

const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  ArrowUp: -ENTRIES,
  ArrowDown: ENTRIES,
  PageUp: -ENTRIES,
  PageDown: ENTRIES,
};

/**
 * Where a key leads from `entry`: another entry, or undefined for a key that means nothing here.
 *
 * Without a cursor, or with one outside of the mapping, any key starts at the first cell. A table further than the
 * mapping reaches is its first or last cell.
 */
export function moved(
  key: string,
  geometry: TableGeometry,
  entry: Entry | null,
): Entry | undefined {
  const last = geometry.cellCount - 1;
  const to = target(key, entry && cellAt(geometry, entry.row, entry.column), last);
  if (to === undefined) return undefined;
  const cell = Math.min(last, Math.max(0, to));
  return { row: rowOf(geometry, cell), column: columnOf(geometry, cell) };
}

function target(key: string, from: number | null, last: number): number | undefined {
  if (key === "Home") return 0;
  if (key === "End") return last;
  const by = STEPS[key];
  if (by === undefined) return undefined;
  return from === null ? 0 : from + by;
}
