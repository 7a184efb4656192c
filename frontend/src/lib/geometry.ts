/**
 * Where the cells of a mapping lie in its page tables.
 *
 * One row is one page table of 512 entries, one column one entry. The first row starts where the table starts, not
 * where the mapping starts, so a column is the entry's true index in its table.
 */

export const ENTRIES = 512;

/** Rows and columns of one mapping; addresses are exact as doubles, being multiples of a huge page. */
export interface TableGeometry {
  readonly pageSize: number;
  readonly cellCount: number;
  /** Entry index of cell 0 in the first table. */
  readonly firstColumn: number;
  /** Page tables that the mapping touches. */
  readonly rows: number;
  /** Address of entry 0 of the first table. */
  readonly tableVa: number;
}

/** A span of columns and rows; `x1` and `y1` are exclusive; row 0 is on top. */
export interface CellRange {
  readonly x0: number;
  readonly x1: number;
  readonly y0: number;
  readonly y1: number;
}

/** Geometry of a mapping that starts at `start` and has `cellCount` cells of `pageSize` bytes. */
export function tableGeometry(start: number, pageSize: number, cellCount: number): TableGeometry {
  const firstColumn = (start / pageSize) % ENTRIES;
  return {
    pageSize,
    cellCount,
    firstColumn,
    rows: Math.ceil((firstColumn + cellCount) / ENTRIES),
    tableVa: start - firstColumn * pageSize,
  };
}

/** The cell at this row and column; null where the mapping has none. */
export function cellAt(geometry: TableGeometry, row: number, column: number): number | null {
  if (column < 0 || column >= ENTRIES) return null;
  const cell = row * ENTRIES + column - geometry.firstColumn;
  return cell >= 0 && cell < geometry.cellCount ? cell : null;
}

/** Row of a cell: which page table, counted from the mapping's first. */
export function rowOf(geometry: TableGeometry, cell: number): number {
  return Math.floor((cell + geometry.firstColumn) / ENTRIES);
}

/** Column of a cell: its entry index in the table. */
export function columnOf(geometry: TableGeometry, cell: number): number {
  return (cell + geometry.firstColumn) % ENTRIES;
}

/** Virtual address of entry 0 of this row's table. */
export function tableAddress(geometry: TableGeometry, row: number): number {
  return geometry.tableVa + row * ENTRIES * geometry.pageSize;
}

/** The whole tables. */
export function fullRange(geometry: TableGeometry): CellRange {
  return { x0: 0, x1: ENTRIES, y0: 0, y1: geometry.rows };
}

const SMALLEST_SPAN = 8;
const SPAN_STEP = 8;

/** What to show at first: the used columns of a mapping within one table, else the whole tables. */
export function fittingRange(geometry: TableGeometry): CellRange {
  if (geometry.rows > 1) return fullRange(geometry);
  const used = geometry.firstColumn + geometry.cellCount;
  let x0 = Math.floor(geometry.firstColumn / SPAN_STEP) * SPAN_STEP;
  let x1 = Math.ceil(used / SPAN_STEP) * SPAN_STEP;
  if (x1 - x0 < SMALLEST_SPAN) {
    x1 = Math.min(ENTRIES, x0 + SMALLEST_SPAN);
    x0 = x1 - SMALLEST_SPAN;
  }
  return { x0, x1, y0: 0, y1: 1 };
}

/** `range` moved, not resized, by as little as shows this row and column in full. */
export function rangeShowing(range: CellRange, row: number, column: number): CellRange {
  const dx = shift(range.x0, range.x1, column);
  const dy = shift(range.y0, range.y1, row);
  return { x0: range.x0 + dx, x1: range.x1 + dx, y0: range.y0 + dy, y1: range.y1 + dy };
}

function shift(low: number, high: number, at: number): number {
  if (at < low) return at - low;
  return at + 1 > high ? at + 1 - high : 0;
}

const SMALLEST_ZOOM = 4;

/** `range` brought inside the tables and to at least four columns, or all rows where there are fewer. */
export function clampRange(range: CellRange, geometry: TableGeometry): CellRange {
  const [x0, x1] = clampSpan(range.x0, range.x1, ENTRIES);
  const [y0, y1] = clampSpan(range.y0, range.y1, geometry.rows);
  return { x0, x1, y0, y1 };
}

function clampSpan(low: number, high: number, limit: number): [number, number] {
  const least = Math.min(SMALLEST_ZOOM, limit);
  const span = Math.min(limit, Math.max(least, high - low));
  const start = Math.min(limit - span, Math.max(0, (low + high - span) / 2));
  return [start, start + span];
}

/** Whether two ranges are the same to within a thousandth of a cell. */
export function sameRange(a: CellRange, b: CellRange): boolean {
  const near = (p: number, q: number): boolean => Math.abs(p - q) < 1e-3;
  return near(a.x0, b.x0) && near(a.x1, b.x1) && near(a.y0, b.y0) && near(a.y1, b.y1);
}
