/**
 * Paints to pixels: one pixel an item, or one pixel a group of items where they are smaller than a pixel.
 *
 * A group is `columns` x `rows` items on a grid that is fixed to the tables. It shows the paint that most of its items
 * have, those before all that the filter lets through, except that poisoned and then migrating always win: none of these
 * is ever dropped. Where most are holes and some are not, it shows that.
 */
import type { ItemGrid } from "./item-grid";
import { MIGRATING, NO_PAGE } from "./palette";

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
  /** The paint of many holes with a few pages among them; null: that of most of these pages. */
  sparse: number | null;
}

/** A picture of all items of a grid in one grouping; pixels outside of them stay transparent. */
export class CellImage {
  readonly width: number;
  readonly height: number;
  #votes = new Uint32Array(256);
  #dirty: Uint8Array;
  /** The call of `drawItems` that drew each pixel last; small groups are drawn sooner than looked up here. */
  #drawn: Uint32Array | null = null;
  #call = 0;
  /** Columns of row 0 of the image before item 0. */
  readonly #before: number;

  constructor(
    readonly grid: ItemGrid,
    readonly grouping: Grouping,
  ) {
    this.width = grid.perRow / grouping.columns;
    this.height = Math.ceil(grid.rows / grouping.rows);
    this.#dirty = new Uint8Array(this.height);
    if (grouping.columns * grouping.rows > 2) {
      this.#drawn = new Uint32Array(this.width * this.height);
    }
    this.#before = grid.first - grid.firstRow * grid.perRow;
  }

  /**
   * Write every pixel. `flashing` marks items; `alike` is where stretches of one paint begin of which none flashes, where
   * that is known.
   */
  drawAll(
    pixels: Uint32Array,
    paint: Uint8Array,
    flashing: Uint8Array,
    inks: Inks,
    alike: Uint32Array | null = null,
  ): void {
    const { width } = this;
    const each = this.grid.perRow * this.grouping.rows;
    pixels.fill(0);
    let stretch = 0;
    for (let y = 0; y < this.height; y++) {
      const first = y * each - this.#before;
      while (alike && (alike[stretch + 1] ?? Infinity) <= first) stretch++;
      const end = alike ? (alike[stretch + 1] ?? paint.length) : 0;
      if (first >= 0 && first + each <= end) {
        pixels.fill(inks.colors[paint[first] ?? 0] ?? 0, y * width, (y + 1) * width);
        continue;
      }
      for (let x = 0; x < width; x++) {
        pixels[y * width + x] = this.#pixel(x, y, paint, flashing, inks);
      }
    }
  }

  /** Write the pixels of these lists of items and note their rows as dirty. */
  drawItems(
    lists: readonly Uint32Array[],
    pixels: Uint32Array,
    paint: Uint8Array,
    flashing: Uint8Array,
    inks: Inks,
  ): void {
    const { width } = this;
    const { columns, rows } = this.grouping;
    const drawn = this.#drawn;
    const call = ++this.#call;
    // Both are powers of two.
    const rowBits = Math.log2(this.grid.perRow);
    const columnBits = Math.log2(columns);
    const mask = this.grid.perRow - 1;
    for (const items of lists) {
      for (const item of items) {
        const at = item + this.#before;
        const x = (at & mask) >>> columnBits;
        const y = ((at >>> rowBits) / rows) | 0;
        const pixel = y * width + x;
        if (drawn !== null) {
          if (drawn[pixel] === call) continue;
          drawn[pixel] = call;
        }
        pixels[pixel] = this.#pixel(x, y, paint, flashing, inks);
        this.#dirty[y] = 1;
      }
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

  /** The pixel of one group; 0 where it holds no item. Runs thousands of times a frame: one or two items go fast. */
  #pixel(x: number, y: number, paint: Uint8Array, flashing: Uint8Array, inks: Inks): number {
    const { columns, rows } = this.grouping;
    const { perRow, count } = this.grid;
    const first = y * rows * perRow + x * columns - this.#before;
    const last = first + (rows - 1) * perRow + columns - 1;
    if (columns * rows > 2 || first < 0 || last >= count) {
      return this.#vote(x, y, paint, flashing, inks);
    }
    const lit = (flashing[first] ?? 0) | (flashing[last] ?? 0);
    const won = ofTwo(paint[first] ?? 0, paint[last] ?? 0, inks.asked);
    return (lit === 0 ? inks.colors : inks.flash)[won] ?? 0;
  }

  /** The same by counting: plain loops. */
  #vote(x: number, y: number, paint: Uint8Array, flashing: Uint8Array, inks: Inks): number {
    const votes = this.#votes;
    const { asked } = inks;
    const { columns, rows } = this.grouping;
    const { count: total, perRow } = this.grid;
    const first = y * rows * perRow + x * columns - this.#before;
    const end = Math.min(total, first + rows * perRow);
    let winner = -1;
    let most = 0;
    let page = NO_PAGE;
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
        const before = votes[page] ?? 0;
        const leads = page === NO_PAGE || count > before || (count === before && one > page);
        if (leads && one !== NO_PAGE && its >= (asked[NO_PAGE] ?? 0)) page = one;
        if (one >= MIGRATING && one > danger) danger = one;
        flashes |= flashing[item] ?? 0;
      }
    }
    for (let left = first; left < end; left += perRow) {
      const stop = Math.min(total, left + columns);
      for (let item = Math.max(0, left); item < stop; item++) votes[paint[item] ?? 0] = 0;
    }
    if (winner < 0) return 0;
    if (winner === NO_PAGE && page !== NO_PAGE) winner = inks.sparse ?? page;
    const lut = flashes === 0 ? inks.colors : inks.flash;
    return lut[danger === 0 ? winner : danger] ?? 0;
  }
}

/** What shows of two paints, by the same rules as votes decide. */
function ofTwo(one: number, other: number, asked: Uint8Array): number {
  const high = one > other ? one : other;
  const low = one > other ? other : one;
  return high < MIGRATING && (asked[low] ?? 0) > (asked[high] ?? 0) ? low : high;
}
