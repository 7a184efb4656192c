/** The whole of a map, small: how large it is and how its window moves. */
import type { CellRange } from "./geometry";

/** Columns of the small picture; eight neighbours of 512 share one. */
export const MINI_COLUMNS = 64;
const MINI_ROWS = 32;

/** Rows of the small picture for so many rows of the map. */
export function miniRows(rows: number): number {
  return Math.ceil(rows / rowsEach(rows));
}

/** Rows of the map that share one of the small picture. */
export function rowsEach(rows: number): number {
  return Math.max(1, Math.ceil(rows / MINI_ROWS));
}

/** Where the window is, in shares of the whole, at least `least` wide and high. */
export function windowShares(
  range: CellRange,
  full: CellRange,
  least: number,
): {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
} {
  const [left, width] = shares(range.x0, range.x1, full.x0, full.x1, least);
  const [top, height] = shares(range.y0, range.y1, full.y0, full.y1, least);
  return { left, top, width, height };
}

function shares(
  low: number,
  high: number,
  from: number,
  to: number,
  least: number,
): readonly [start: number, size: number] {
  const whole = to - from;
  const size = Math.min(1, Math.max(least, (high - low) / whole));
  const start = (low - from) / whole;
  return [Math.max(0, Math.min(1 - size, start)), size];
}

/** `range` with its middle at these shares of the whole, kept inside of it. */
export function centred(range: CellRange, full: CellRange, x: number, y: number): CellRange {
  const [x0, x1] = around(range.x1 - range.x0, full.x0, full.x1, x);
  const [y0, y1] = around(range.y1 - range.y0, full.y0, full.y1, y);
  return { x0, x1, y0, y1 };
}

function around(span: number, from: number, to: number, share: number): readonly [number, number] {
  const low = from + share * (to - from) - span / 2;
  const start = Math.max(from, Math.min(to - span, low));
  return [start, start + span];
}

const STEP = 0.5;

/** Where a key moves the window; null: the key means nothing here. */
export function windowMoved(key: string, range: CellRange, full: CellRange): CellRange | null {
  const width = range.x1 - range.x0;
  const height = range.y1 - range.y0;
  const steps: Readonly<Record<string, readonly [dx: number, dy: number]>> = {
    ArrowLeft: [-width * STEP, 0],
    ArrowRight: [width * STEP, 0],
    ArrowUp: [0, -height * STEP],
    ArrowDown: [0, height * STEP],
    PageUp: [0, -height],
    PageDown: [0, height],
    Home: [-Infinity, -Infinity],
    End: [Infinity, Infinity],
  };
  const by = steps[key];
  if (by === undefined) return null;
  const x0 = Math.max(full.x0, Math.min(full.x1 - width, range.x0 + by[0]));
  const y0 = Math.max(full.y0, Math.min(full.y1 - height, range.y0 + by[1]));
  return { x0, x1: x0 + width, y0, y1: y0 + height };
}
