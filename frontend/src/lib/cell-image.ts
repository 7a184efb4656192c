/**
 * Paints to pixels: one pixel an item, or one pixel a group of items where they are smaller than a pixel.
 *
 * A group is `columns` x `rows` items on a grid that is fixed to the tables. It shows the paint that most of its items
 * have, those before all that the filter lets through, except that poisoned and then migrating always win: none of these
 * is ever dropped.
 */
import type { ItemGrid } from "./item-grid";
import { MIGRATING } from "./palette";

/** Items that one pixel stands for. */
export interface Grouping {
  readonly columns: number;
  readonly rows: number;
}

/** Rows of pixels, end exclusive. */
export type RowSpan = readonly [first: number, end: number];

/** The smallest groups with which no item is thinner than a pixel. Columns go by powers of two, to divide `perRow`. */
export function groupingFor(
  visibleColumns: number,
  visibleRows: number,
  widthPx: number,
  heightPx: number,
  perRow: number,
): Grouping {
  let columns = 1;
  while (columns < perRow && visibleColumns / columns > widthPx) columns *= 2;
  return { columns, rows: Math.max(1, Math.ceil(visibleRows / Math.max(1, heightPx) - 1e-6)) };
}

/** Pixels for paints. */
export interface Inks {
  readonly colors: Uint32Array;
  /** Of items that flash. */
  readonly flash: Uint32Array;
  /** For each paint 1 if it is asked for: such a paint stands for a group before any other. */
  readonly asked: Uint8Array;
}

/** A picture of all items of a grid in one grouping; pixels outside of them stay transparent. */
export class CellImage {
  readonly width: number;
  readonly height: number;
  #votes = new Uint32Array(256);
  #dirty: Uint8Array;
  /** Columns of row 0 of the image before item 0. */
  readonly #before: number;

  constructor(
    readonly grid: ItemGrid,
    readonly grouping: Grouping,
  ) {
    this.width = grid.perRow / grouping.columns;
    this.height = Math.ceil(grid.rows / grouping.rows);
    this.#dirty = new Uint8Array(this.height);
    this.#before = grid.first - grid.firstRow * grid.perRow;
  }

  /** Write every pixel. `flashing` marks items. */
  drawAll(pixels: Uint32Array, paint: Uint8Array, flashing: Uint8Array, inks: Inks): void {
    pixels.fill(0);
    if (this.#single()) {
      const { colors, flash } = inks;
      const before = this.#before;
      for (let item = 0; item < paint.length; item++) {
        const lut = flashing[item] === 0 ? colors : flash;
        pixels[item + before] = lut[paint[item] ?? 0] ?? 0;
      }
      return;
    }
    for (let y = 0; y < this.height; y++) {
      for (let x = 0; x < this.width; x++) {
        pixels[y * this.width + x] = this.#group(x, y, paint, flashing, inks);
      }
    }
  }

  /** Write the pixels of these items and note their rows as dirty. */
  drawItems(
    items: Uint32Array,
    pixels: Uint32Array,
    paint: Uint8Array,
    flashing: Uint8Array,
    inks: Inks,
  ): void {
    const single = this.#single();
    const { colors, flash } = inks;
    const { perRow } = this.grid;
    const { columns, rows } = this.grouping;
    for (const item of items) {
      const at = item + this.#before;
      if (single) {
        const lut = flashing[item] === 0 ? colors : flash;
        pixels[at] = lut[paint[item] ?? 0] ?? 0;
        this.#dirty[Math.floor(at / perRow)] = 1;
        continue;
      }
      const x = Math.floor((at % perRow) / columns);
      const y = Math.floor(at / perRow / rows);
      pixels[y * this.width + x] = this.#group(x, y, paint, flashing, inks);
      this.#dirty[y] = 1;
    }
  }

  /** Rows of pixels written since the last call, as few spans; neighbours up to eight rows apart are joined. */
  takeDirty(): RowSpan[] {
    const spans: [number, number][] = [];
    for (let row = 0; row < this.height; row++) {
      if (this.#dirty[row] === 0) continue;
      const last = spans.at(-1);
      if (last && row - last[1] <= 8) last[1] = row + 1;
      else spans.push([row, row + 1]);
    }
    this.#dirty.fill(0);
    return spans;
  }

  #single(): boolean {
    return this.grouping.columns === 1 && this.grouping.rows === 1;
  }

  /** The pixel of one group; 0 where it holds no item. Runs thousands of times a frame: plain loops. */
  #group(x: number, y: number, paint: Uint8Array, flashing: Uint8Array, inks: Inks): number {
    const votes = this.#votes;
    const { asked } = inks;
    const { columns, rows } = this.grouping;
    const { count: total, perRow } = this.grid;
    const first = y * rows * perRow + x * columns - this.#before;
    const end = Math.min(total, first + rows * perRow);
    let winner = -1;
    let most = 0;
    let rank = 0;
    let danger = 0;
    let flashes = 0;
    for (let left = first; left < end; left += perRow) {
      const stop = Math.min(total, left + columns);
      for (let item = Math.max(0, left); item < stop; item++) {
        const one = paint[item] ?? 0;
        const count = (votes[one] ?? 0) + 1;
        votes[one] = count;
        const its = asked[one] ?? 0;
        // Of equals the higher number wins: a page before a hole.
        if (its > rank || (its === rank && (count > most || (count === most && one > winner)))) {
          most = count;
          winner = one;
          rank = its;
        }
        if (one >= MIGRATING && one > danger) danger = one;
        flashes |= flashing[item] ?? 0;
      }
    }
    for (let left = first; left < end; left += perRow) {
      const stop = Math.min(total, left + columns);
      for (let item = Math.max(0, left); item < stop; item++) votes[paint[item] ?? 0] = 0;
    }
    if (winner < 0) return 0;
    const lut = flashes === 0 ? inks.colors : inks.flash;
    return lut[danger === 0 ? winner : danger] ?? 0;
  }
}
