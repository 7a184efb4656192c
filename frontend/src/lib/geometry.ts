/**
 * Where the cells of a mapping lie in its page tables.
 *
 * One row is one page table of 512 entries, one column one entry. The first row starts where the table starts, not
 * where the mapping starts, so a column is the entry's true index in its table.
 */

export const ENTRIES = 512;

/** Rows and columns of one mapping; addresses are exact as doubles, being multiples of a page. */
export interface TableGeometry {
  /** Entries in a row: a page table, or fewer where rows are no page tables. */
  readonly perRow: number;
  readonly pageSize: number;
  readonly cellCount: number;
  /** Entry index of cell 0 in the first table. */
  readonly firstColumn: number;
  /** Page tables that the mapping touches. */
  readonly rows: number;
  /** Address of entry 0 of the first table. */
  readonly tableVa: number;
}

/** Neighbouring cells of a mapping, by index. */
export interface CellSpan {
  readonly first: number;
  readonly count: number;
}

/** A span of columns and rows; `x1` and `y1` are exclusive; row 0 is on top. */
export interface CellRange {
  readonly x0: number;
  readonly x1: number;
  readonly y0: number;
  readonly y1: number;
}

/**
 * Geometry of a mapping that starts at `start` and has `cellCount` cells of `pageSize` bytes. A THP mapping need not
 * start where a huge page does: cell 0 then begins before it.
 */
export function tableGeometry(
  start: number,
  pageSize: number,
  cellCount: number,
  perRow = ENTRIES,
): TableGeometry {
  const firstPage = Math.floor(start / pageSize);
  const firstColumn = firstPage % perRow;
  return {
    perRow,
    pageSize,
    cellCount,
    firstColumn,
    rows: Math.ceil((firstColumn + cellCount) / perRow),
    tableVa: (firstPage - firstColumn) * pageSize,
  };
}

/** The cell at this row and column; null where the mapping has none. */
export function cellAt(geometry: TableGeometry, row: number, column: number): number | null {
  if (column < 0 || column >= geometry.perRow) return null;
  const cell = row * geometry.perRow + column - geometry.firstColumn;
  return cell >= 0 && cell < geometry.cellCount ? cell : null;
}

/** Row of a cell: which page table, counted from the mapping's first. */
export function rowOf(geometry: TableGeometry, cell: number): number {
  return Math.floor((cell + geometry.firstColumn) / geometry.perRow);
}

/** Column of a cell: its entry index in the table. */
export function columnOf(geometry: TableGeometry, cell: number): number {
  return (cell + geometry.firstColumn) % geometry.perRow;
}

/** Index of the cell that holds `va` in a mapping from `start` on. */
export function cellOfAddress(start: number, pageSize: number, va: number): number {
  return Math.floor(va / pageSize) - Math.floor(start / pageSize);
}

/** Virtual address of entry 0 of this row's table. */
export function tableAddress(geometry: TableGeometry, row: number): number {
  return geometry.tableVa + row * geometry.perRow * geometry.pageSize;
}

/** The whole tables. */
export function fullRange(geometry: TableGeometry): CellRange {
  return { x0: 0, x1: geometry.perRow, y0: 0, y1: geometry.rows };
}

const SMALLEST_SPAN = 8;
const SPAN_STEP = 8;

/** What to show at first: the used columns of a mapping within one table, else the whole tables. */
export function fittingRange(geometry: TableGeometry): CellRange {
  if (geometry.rows > 1 || geometry.perRow < SMALLEST_SPAN) return fullRange(geometry);
  const used = geometry.firstColumn + geometry.cellCount;
  let x0 = Math.floor(geometry.firstColumn / SPAN_STEP) * SPAN_STEP;
  let x1 = Math.ceil(used / SPAN_STEP) * SPAN_STEP;
  if (x1 - x0 < SMALLEST_SPAN) {
    x1 = Math.min(geometry.perRow, x0 + SMALLEST_SPAN);
    x0 = x1 - SMALLEST_SPAN;
  }
  return { x0, x1, y0: 0, y1: 1 };
}

/** The cells of a span as few ranges: a first table's end, whole tables, a last table's start. */
export function spanRanges(geometry: TableGeometry, span: CellSpan): CellRange[] {
  const { perRow } = geometry;
  const last = Math.min(geometry.cellCount, span.first + span.count) - 1;
  if (last < span.first) return [];
  const [top, left] = [rowOf(geometry, span.first), columnOf(geometry, span.first)];
  const [bottom, right] = [rowOf(geometry, last), columnOf(geometry, last) + 1];
  if (top === bottom) return [{ x0: left, x1: right, y0: top, y1: top + 1 }];
  const ranges: CellRange[] = [];
  const y0 = left === 0 ? top : top + 1;
  const y1 = right === perRow ? bottom + 1 : bottom;
  if (y0 > top) ranges.push({ x0: left, x1: perRow, y0: top, y1: y0 });
  if (y1 > y0) ranges.push({ x0: 0, x1: perRow, y0, y1 });
  if (y1 === bottom) ranges.push({ x0: 0, x1: right, y0: bottom, y1: bottom + 1 });
  return ranges;
}

/** What both have in common; null where that is nothing. */
export function overlap(a: CellRange, b: CellRange): CellRange | null {
  const [x0, x1] = [Math.max(a.x0, b.x0), Math.min(a.x1, b.x1)];
  const [y0, y1] = [Math.max(a.y0, b.y0), Math.min(a.y1, b.y1)];
  return x0 < x1 && y0 < y1 ? { x0, x1, y0, y1 } : null;
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

const AROUND_COLUMNS = 16;
const AROUND_ROWS = 3;

/** These cells with some of their neighbours. */
export function rangeAround(geometry: TableGeometry, span: CellSpan): CellRange {
  const last = Math.min(geometry.cellCount, span.first + span.count) - 1;
  const [top, bottom] = [rowOf(geometry, span.first), rowOf(geometry, last)];
  const [left, right] =
    top === bottom
      ? [columnOf(geometry, span.first), columnOf(geometry, last)]
      : [0, geometry.perRow - 1];
  return {
    x0: Math.max(0, left - AROUND_COLUMNS),
    x1: Math.min(geometry.perRow, right + 1 + AROUND_COLUMNS),
    y0: Math.max(0, top - AROUND_ROWS),
    y1: Math.min(geometry.rows, bottom + 1 + AROUND_ROWS),
  };
}

const SMALLEST_ZOOM = 4;

/** `range` brought inside these limits and to at least four columns and rows, or all where there are fewer. */
export function clampRange(range: CellRange, limits: CellRange): CellRange {
  const [x0, x1] = clampSpan(range.x0, range.x1, limits.x0, limits.x1);
  const [y0, y1] = clampSpan(range.y0, range.y1, limits.y0, limits.y1);
  return { x0, x1, y0, y1 };
}

function clampSpan(from: number, to: number, low: number, high: number): [number, number] {
  const room = high - low;
  const span = Math.min(room, Math.max(Math.min(SMALLEST_ZOOM, room), to - from));
  const start = Math.min(high - span, Math.max(low, (from + to - span) / 2));
  return [start, start + span];
}

/** Whether two ranges are the same to within a part of a cell. */
export function sameRange(a: CellRange, b: CellRange, within = 1e-3): boolean {
  const near = (p: number, q: number): boolean => Math.abs(p - q) < within;
  return near(a.x0, b.x0) && near(a.x1, b.x1) && near(a.y0, b.y0) && near(a.y1, b.y1);
}
