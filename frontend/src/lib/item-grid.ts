/**
 * Where the items of a picture lie on its axes. An item is one entry, or a few neighbours of one row that are shown
 * together: `perRow` of them make a row of 512 entries.
 */
import { ENTRIES, type TableGeometry } from "./geometry";

export interface ItemGrid {
  /** Items in a whole row. */
  readonly perRow: number;
  /** Place of item 0, counted in items from the first entry of row 0. */
  readonly first: number;
  readonly count: number;
  /** Row of item 0, and rows that items lie in. */
  readonly firstRow: number;
  readonly rows: number;
}

/** `count` items from place `first` on, `entries` of the axes each. */
export function itemGrid(entries: number, first: number, count: number): ItemGrid {
  const perRow = ENTRIES / entries;
  const firstRow = Math.floor(first / perRow);
  const rows = Math.ceil((first + count) / perRow) - firstRow;
  return { perRow, first, count, firstRow, rows };
}

/** The item at this row and column of the axes; -1 where none is loaded. */
export function itemAt(grid: ItemGrid, row: number, column: number): number {
  if (column < 0 || column >= ENTRIES) return -1;
  const item = row * grid.perRow + Math.floor((column * grid.perRow) / ENTRIES) - grid.first;
  return item >= 0 && item < grid.count ? item : -1;
}

/** The entries of `geometry` that an item stands for. */
export function entriesOf(
  grid: ItemGrid,
  geometry: TableGeometry,
  item: number,
): { readonly first: number; readonly count: number } {
  const entries = ENTRIES / grid.perRow;
  const first = (grid.first + item) * entries - geometry.firstColumn;
  const end = Math.min(geometry.cellCount, first + entries);
  return { first: Math.max(0, first), count: end - Math.max(0, first) };
}
