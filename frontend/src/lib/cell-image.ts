/**
 * Paints to pixels: one pixel a cell, or one pixel a group of cells where cells are smaller than a pixel.
 *
 * A group is `columns` x `rows` cells on a grid that is fixed to the tables. It shows the paint that most of its cells
 * have, except that poisoned and then migrating always win: no cell of these is ever dropped.
 */
import { ENTRIES, columnOf, rowOf, type TableGeometry } from "./geometry";
import { MIGRATING } from "./palette";

/** Cells that one pixel stands for. */
export interface Grouping {
  readonly columns: number;
  readonly rows: number;
}

/** Rows of pixels, end exclusive. */
export type RowSpan = readonly [first: number, end: number];

/** The smallest groups with which no cell is thinner than a pixel. Columns go by powers of two, to divide 512. */
export function groupingFor(
  visibleColumns: number,
  visibleRows: number,
  widthPx: number,
  heightPx: number,
): Grouping {
  let columns = 1;
  while (columns < ENTRIES && visibleColumns / columns > widthPx) columns *= 2;
  return { columns, rows: Math.max(1, Math.ceil(visibleRows / Math.max(1, heightPx) - 1e-6)) };
}

/** A picture of all cells of one mapping in one grouping; pixels outside of the mapping stay transparent. */
export class CellImage {
  readonly width: number;
  readonly height: number;
  #votes = new Uint32Array(256);
  #dirty: Uint8Array;

  constructor(
    readonly geometry: TableGeometry,
    readonly grouping: Grouping,
  ) {
    this.width = ENTRIES / grouping.columns;
    this.height = Math.ceil(geometry.rows / grouping.rows);
    this.#dirty = new Uint8Array(this.height);
  }

  /** Write every pixel. `colors` and `flash` hold a pixel for each paint; `flashing` marks cells. */
  drawAll(
    pixels: Uint32Array,
    paint: Uint8Array,
    colors: Uint32Array,
    flashing: Uint8Array,
    flash: Uint32Array,
  ): void {
    pixels.fill(0);
    if (this.#single()) {
      const { firstColumn } = this.geometry;
      for (let cell = 0; cell < paint.length; cell++) {
        const lut = flashing[cell] === 0 ? colors : flash;
        pixels[cell + firstColumn] = lut[paint[cell] ?? 0] ?? 0;
      }
      return;
    }
    for (let y = 0; y < this.height; y++) {
      for (let x = 0; x < this.width; x++) {
        pixels[y * this.width + x] = this.#group(x, y, paint, colors, flashing, flash);
      }
    }
  }

  /** Write the pixels of these cells and note their rows as dirty. */
  drawCells(
    cells: Uint32Array,
    pixels: Uint32Array,
    paint: Uint8Array,
    colors: Uint32Array,
    flashing: Uint8Array,
    flash: Uint32Array,
  ): void {
    const single = this.#single();
    for (const cell of cells) {
      if (single) {
        const at = cell + this.geometry.firstColumn;
        const lut = flashing[cell] === 0 ? colors : flash;
        pixels[at] = lut[paint[cell] ?? 0] ?? 0;
        this.#dirty[Math.floor(at / ENTRIES)] = 1;
        continue;
      }
      const x = Math.floor(columnOf(this.geometry, cell) / this.grouping.columns);
      const y = Math.floor(rowOf(this.geometry, cell) / this.grouping.rows);
      pixels[y * this.width + x] = this.#group(x, y, paint, colors, flashing, flash);
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

  /** The pixel of one group; 0 where it holds no cell. Runs thousands of times a frame: plain loops. */
  #group(
    x: number,
    y: number,
    paint: Uint8Array,
    colors: Uint32Array,
    flashing: Uint8Array,
    flash: Uint32Array,
  ): number {
    const votes = this.#votes;
    const { columns, rows } = this.grouping;
    const { cellCount } = this.geometry;
    const first = y * rows * ENTRIES + x * columns - this.geometry.firstColumn;
    const end = Math.min(cellCount, first + rows * ENTRIES);
    let winner = -1;
    let most = 0;
    let danger = 0;
    let flashes = 0;
    for (let left = first; left < end; left += ENTRIES) {
      const stop = Math.min(cellCount, left + columns);
      for (let cell = Math.max(0, left); cell < stop; cell++) {
        const one = paint[cell] ?? 0;
        const count = (votes[one] ?? 0) + 1;
        votes[one] = count;
        // Of equals the higher number wins: a page before a hole.
        if (count > most || (count === most && one > winner)) {
          most = count;
          winner = one;
        }
        if (one >= MIGRATING && one > danger) danger = one;
        flashes |= flashing[cell] ?? 0;
      }
    }
    for (let left = first; left < end; left += ENTRIES) {
      const stop = Math.min(cellCount, left + columns);
      for (let cell = Math.max(0, left); cell < stop; cell++) votes[paint[cell] ?? 0] = 0;
    }
    if (winner < 0) return 0;
    const lut = flashes === 0 ? colors : flash;
    return lut[danger === 0 ? winner : danger] ?? 0;
  }
}
