/**
 * Where the items of a picture lie on its axes. An item is one entry, or a few neighbours of one row that are shown
 * together: `perRow` of them make a row.
 */
import { ENTRIES, type TableGeometry } from "./geometry";

export interface ItemGrid {
  /** Entries of the axes that an item stands for. */
  readonly entries: number;
  /** Items in a whole row. */
  readonly perRow: number;
  /** Place of item 0, counted in items from the first entry of row 0. */
  readonly first: number;
  readonly count: number;
  /** Row of item 0, and rows that items lie in. */
  readonly firstRow: number;
  readonly rows: number;
}

/** `count` items from place `first` on, `entries` of the axes each, of which a row has `across`. */
export function itemGrid(
  entries: number,
  first: number,
  count: number,
  across = ENTRIES,
): ItemGrid {
  const perRow = across / entries;
  const firstRow = Math.floor(first / perRow);
  const rows = Math.ceil((first + count) / perRow) - firstRow;
  return { entries, perRow, first, count, firstRow, rows };
}

/** The item at this row and column of the axes; -1 where none is loaded. */
export function itemAt(grid: ItemGrid, row: number, column: number): number {
  const { entries, perRow } = grid;
  if (column < 0 || column >= perRow * entries) return -1;
  const item = row * perRow + Math.floor(column / entries) - grid.first;
  return item >= 0 && item < grid.count ? item : -1;
}

/** The entries of `geometry` that an item stands for. */
export function entriesOf(
  grid: ItemGrid,
  geometry: TableGeometry,
  item: number,
): { readonly first: number; readonly count: number } {
  const { entries } = grid;
  const first = (grid.first + item) * entries - geometry.firstColumn;
  const end = Math.min(geometry.cellCount, first + entries);
  return { first: Math.max(0, first), count: end - Math.max(0, first) };
}
