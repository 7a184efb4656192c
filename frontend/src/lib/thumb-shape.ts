/** How a thumbnail lies: pixels in address order, row by row, each large enough to be seen. */

const MOST_PIXELS = 512;
const COLUMNS = 64;
const WIDE_PX = 192;
const HIGH_PX = 24;
/** A mapping of a few pages should not become a billboard. */
const LARGEST_PX = 12;
/** A poisoned one among thousands is still to be seen. */
const LEAST_PX = 3;

/** Pixels, and the CSS pixels that they take together. */
export interface ThumbShape {
  readonly columns: number;
  readonly rows: number;
  readonly widthPx: number;
  readonly heightPx: number;
}

/** How many pixels the thumbnail of so many cells has: each stands for a power of two of them. */
export function thumbPixels(cellCount: number): number {
  let each = 1;
  while (each * MOST_PIXELS < cellCount) each *= 2;
  return Math.ceil(cellCount / each);
}

/** The shape of a thumbnail of so many pixels. */
export function thumbShape(pixels: number): ThumbShape {
  const columns = Math.min(COLUMNS, pixels);
  const rows = Math.ceil(pixels / COLUMNS);
  const each = (room: number, count: number): number =>
    Math.max(LEAST_PX, Math.min(LARGEST_PX, Math.floor(room / count)));
  return {
    columns,
    rows,
    widthPx: columns * each(WIDE_PX, columns),
    heightPx: rows * each(HIGH_PX, rows),
  };
}
