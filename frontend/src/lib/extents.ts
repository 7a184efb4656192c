/** Which extents of a mapping are listed, as words of the address (`by=`) and as parameters of the server's route. */
import { CellFlag, CellState } from "../wire/generated";
import { address } from "./format";
import { cellAt, ENTRIES, type CellRange, type CellSpan, type TableGeometry } from "./geometry";

/** Rows of the table at most. */
export const ROWS = 40;

export const STATES: readonly string[] = names(CellState);
export const FLAGS: readonly string[] = names(CellFlag);
/** The word for: only what is in sight on the map. */
export const IN_SIGHT = "sight";

export interface ExtentQuery {
  readonly hostId: string;
  readonly pid: number;
  /** Of the mapping. */
  readonly start: number;
  /** Any of these; empty: all. */
  readonly states: readonly string[];
  /** Any of these; empty: whatever the flags. */
  readonly flags: readonly string[];
  /** Null: all cells. */
  readonly cells: CellSpan | null;
  /** Extents before the first one wanted. */
  readonly offset: number;
}

/** Names as the wire spells them, in the order of their numbers. */
function names(numbers: Readonly<Record<string, number>>): string[] {
  return Object.entries(numbers)
    .sort(([, a], [, b]) => a - b)
    .map(([name]) => name.toLowerCase());
}

/** What of the words is about states, and what about flags; other words mean nothing. */
export function filterOf(by: readonly string[] | null): {
  readonly states: readonly string[];
  readonly flags: readonly string[];
  readonly inSight: boolean;
} {
  const has = (word: string): boolean => by?.includes(word) ?? false;
  return { states: STATES.filter(has), flags: FLAGS.filter(has), inSight: has(IN_SIGHT) };
}

/** The words with this one put in or taken out; null when none is left. */
export function toggled(by: readonly string[] | null, word: string): readonly string[] | null {
  const others = (by ?? []).filter((other) => other !== word);
  const next = others.length === (by ?? []).length ? [...others, word] : others;
  return next.length === 0 ? null : next;
}

/** For the server. */
export function extentParameters(query: ExtentQuery): Record<string, string | number> {
  const { states, flags, cells } = query;
  return {
    pid: query.pid,
    start: address(query.start),
    ...(states.length > 0 && { state: states.join() }),
    ...(flags.length > 0 && { flag: flags.join() }),
    ...(cells && { first: cells.first, count: cells.count }),
    offset: query.offset,
    limit: ROWS,
  };
}

/** Whether both ask for the same. */
export function sameExtents(a: ExtentQuery, b: ExtentQuery): boolean {
  return (
    JSON.stringify([a.hostId, extentParameters(a)]) ===
    JSON.stringify([b.hostId, extentParameters(b)])
  );
}

/**
 * The cells from the first to the last that this range shows. Those between them that lie left or right of it are
 * among them: the list is one of neighbours. Null: none is in sight.
 */
export function cellsInRange(geometry: TableGeometry, range: CellRange): CellSpan | null {
  const left = Math.max(0, Math.floor(range.x0));
  const right = Math.min(ENTRIES, Math.ceil(range.x1)) - 1;
  const top = Math.max(0, Math.floor(range.y0));
  const bottom = Math.min(geometry.rows, Math.ceil(range.y1)) - 1;
  if (right < left || bottom < top) return null;
  const last = Math.min(geometry.cellCount - 1, bottom * ENTRIES + right - geometry.firstColumn);
  const first =
    cellAt(geometry, top, left) ?? Math.max(0, top * ENTRIES + left - geometry.firstColumn);
  return last < first ? null : { first, count: last - first + 1 };
}

/** Cells as one reads them: "5", or "0–63". */
export function cellsText(first: number, count: number): string {
  return count === 1 ? String(first) : `${first}–${first + count - 1}`;
}

/** How many are passed over to show the page this many pages on; always a page's first. */
export function pageOffset(offset: number, pages: number, total: number): number {
  const lastPage = Math.max(0, Math.ceil(total / ROWS) - 1);
  return ROWS * Math.min(lastPage, Math.max(0, Math.floor(offset / ROWS) + pages));
}
