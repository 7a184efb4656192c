/** How keys move the cursor over the entries of a map, and what they select. */
import {
  cellAt,
  columnOf,
  rowOf,
  type CellRange,
  type CellSpan,
  type TableGeometry,
} from "./geometry";

/** An entry of a page table: row and column of the heatmap. */
export interface Entry {
  readonly row: number;
  readonly column: number;
}

/** First and last entry that a cursor may stand on, and how many a row has. */
export interface Bounds {
  readonly perRow: number;
  readonly first: number;
  readonly last: number;
}

/** Rows up or down. */
const ROWS: Readonly<Record<string, number>> = {
  ArrowUp: -1,
  ArrowDown: 1,
  PageUp: -1,
  PageDown: 1,
};

/** The entries of these rows. */
export function boundsOf(geometry: TableGeometry, limits: CellRange): Bounds {
  const { firstColumn, cellCount, perRow } = geometry;
  return {
    perRow,
    first: Math.max(0, limits.y0 * perRow - firstColumn),
    last: Math.min(cellCount, limits.y1 * perRow - firstColumn) - 1,
  };
}

/** An entry by its number. */
export function entryAt(geometry: TableGeometry, number: number): Entry {
  return { row: rowOf(geometry, number), column: columnOf(geometry, number) };
}

/**
 * Where a key leads from `from`: another entry's number, or undefined for a key that means nothing here.
 *
 * Without a cursor any key starts at the first entry. A table further than the bounds reach is their first or last
 * entry. Left and right pass over the `item` of neighbours that are drawn as one.
 */
export function moved(
  key: string,
  bounds: Bounds,
  from: number | null,
  item: CellSpan,
): number | undefined {
  const to = target(key, bounds, from, item);
  return to === undefined ? undefined : Math.min(bounds.last, Math.max(bounds.first, to));
}

function target(
  key: string,
  { first, last, perRow }: Bounds,
  from: number | null,
  item: CellSpan,
): number | undefined {
  if (key === "Home") return first;
  if (key === "End") return last;
  const by = ROWS[key];
  if (by === undefined && key !== "ArrowLeft" && key !== "ArrowRight") return undefined;
  if (from === null) return first;
  if (by !== undefined) return from + by * perRow;
  return key === "ArrowLeft" ? item.first - 1 : item.first + item.count;
}

/** The number of an entry; null where the mapping has none or `bounds` end before it. */
export function numberOf(geometry: TableGeometry, bounds: Bounds, entry: Entry): number | null {
  const number = cellAt(geometry, entry.row, entry.column);
  return number !== null && number >= bounds.first && number <= bounds.last ? number : null;
}
