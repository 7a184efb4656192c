/** Draws the cells: pixels of our own, scaled onto a canvas, with grid and hatches where cells are large. */
import { CellImage, groupingFor, type Grouping, type Inks } from "../lib/cell-image";
import {
  dimmed,
  flashColor,
  MIGRATING,
  SPARSE,
  unloadedColor,
  type Paints,
  type Theme,
} from "../lib/palette";
import { hex, mix, pixel } from "../lib/color";
import { Flash, MOST_SHARE_OF_GROUPS } from "../lib/flash";
import { sameRange, type CellRange } from "../lib/geometry";
import type { Items } from "../state/items";
import type { PaintedItems } from "../state/painted";
import type { Picture } from "../state/picture";
import { hatch, voidHatch } from "./patterns";

const HATCH_FROM_PX = 6;
const COLUMN_LINES_FROM_PX = 7;
const ROW_LINES_FROM_PX = 9;
const FLASH_SHARE = { light: 0.3, dark: 0.5 } as const;

/** Colours of what is not a cell. */
export interface PainterStyle {
  readonly theme: Theme;
  readonly paints: Paints;
  readonly grid: string;
  readonly voidLine: string;
}

/** Owns the pixels of one picture. */
export class HeatmapPainter {
  #context: CanvasRenderingContext2D;
  #image: CellImage | null = null;
  #data: ImageData | null = null;
  #pixels = new Uint32Array(0);
  #buffer = document.createElement("canvas");
  #bufferContext: CanvasRenderingContext2D;
  #style: PainterStyle | null = null;
  #inks: Inks = {
    colors: new Uint32Array(256),
    flash: new Uint32Array(256),
    asked: new Uint8Array(256),
    sparse: null,
  };
  /** Made when cells are first large enough to show them. */
  #hatches: (CanvasPattern | null)[] = [];
  #void: CanvasPattern | null = null;
  #ratio = 0;
  #flash = new Flash(0);
  /** What the pixels are of. */
  #painted: PaintedItems | null = null;
  #changed: Uint32Array[] = [];
  #pending = 0;
  #all = true;
  /** Device pixels of the plot. */
  #width = 0;
  #height = 0;
  #target: CanvasRenderingContext2D;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly picture: Picture,
  ) {
    this.#context = contextOf(canvas);
    this.#target = this.#bufferContext = contextOf(this.#buffer);
  }

  /** So large is the plot, in device pixels. */
  resize(width: number, height: number): void {
    this.#width = width;
    this.#height = height;
  }

  /** Colours, words do not matter here. */
  setStyle(style: PainterStyle): void {
    this.#style = style;
    this.#ratio = 0;
    this.#painted = null;
  }

  /** Note items to draw; null: all of them. With `nowMs` they also flash. */
  mark(changed: Uint32Array | null, nowMs: number | null): void {
    // A hidden tab draws nothing for hours: what piles up is bounded by drawing everything in the end.
    this.#pending += changed?.length ?? 0;
    if (changed === null || this.#pending > (this.#painted?.paint.length ?? 0)) {
      this.#all = true;
      this.#changed = [];
      this.#pending = 0;
      this.#flash.clear();
      return;
    }
    const kept = changed.slice();
    this.#changed.push(kept);
    if (nowMs !== null) this.#flash.add(kept, nowMs);
  }

  /** When to draw again for a flash to end; null: nothing flashes. */
  nextMs(): number | null {
    return this.#flash.nextMs();
  }

  /** Draw `range` to the whole canvas. */
  draw(range: CellRange, pixelRatio: number, nowMs: number): void {
    const style = this.#style;
    if (style === null) return;
    const { painted } = this.picture;
    if (painted !== this.#painted) this.#take(painted, style);
    if (this.#ratio !== pixelRatio) this.#forgetPatterns(pixelRatio);
    const width = this.#width;
    const height = this.#height;
    const grid = painted?.items.grid;
    const columns = (range.x1 - range.x0) / (grid?.entries ?? 1);
    const grouping = groupingFor(columns, range.y1 - range.y0, width, height, grid?.perRow ?? 1);
    if (painted && grid && this.#isAll(painted, range, grouping, pixelRatio)) {
      // The browser scales the image, which costs this thread nothing.
      this.#fit(grid.perRow / grouping.columns, grid.rows / grouping.rows);
      this.#paintPixels(painted, grouping, nowMs, this.#context);
      return;
    }
    this.#fit(width, height);
    const covered = grid && grid.firstRow <= range.y0 && grid.firstRow + grid.rows >= range.y1;
    if (!covered) {
      this.#context.fillStyle = hex(unloadedColor(style.theme));
      this.#context.fillRect(0, 0, width, height);
    }
    this.#drawVoid(range, style);
    if (painted === null) return;
    this.#paintPixels(painted, grouping, nowMs, this.#bufferContext);
    this.#drawImage(range);
    this.#drawDetails(painted, range, style, pixelRatio);
  }

  /** Whether the image of all items, and nothing beside it, is what there is to see of this range. */
  #isAll({ items }: PaintedItems, range: CellRange, grouping: Grouping, ratio: number): boolean {
    const { perRow, rows, count } = items.grid;
    const { limits, whole } = this.picture;
    const scale = this.#scale(range);
    return (
      whole &&
      sameRange(range, limits) &&
      rows === limits.y1 - limits.y0 &&
      rows % grouping.rows === 0 &&
      count === rows * perRow &&
      Math.max(scale.x, scale.y) < HATCH_FROM_PX * ratio
    );
  }

  #fit(width: number, height: number): void {
    const { canvas } = this;
    if (canvas.width === width && canvas.height === height) return;
    // Which clears it.
    canvas.width = width;
    canvas.height = height;
    this.#all = true;
  }

  /** Other items, or the same by other colours or filter. */
  #take(painted: PaintedItems | null, style: PainterStyle): void {
    if (painted?.items !== this.#painted?.items) {
      const share = painted?.items.kind === "groups" ? MOST_SHARE_OF_GROUPS : undefined;
      this.#flash = new Flash(painted?.paint.length ?? 0, share);
      this.#image = null;
    }
    this.#painted = painted;
    this.#all = true;
    this.#inks.sparse = painted?.mode === "state" ? SPARSE : null;
    const toward = flashColor(style.theme);
    const { colors, flash, asked } = this.#inks;
    for (let paint = 0; paint < 256; paint++) {
      asked[paint] = painted?.shown?.[paint] ?? 1;
      const own = style.paints[paint]?.color ?? [128, 128, 128];
      const color = asked[paint] === 1 ? own : dimmed(own, paint, style.theme);
      colors[paint] = pixel(color);
      // What the filter leaves in the background does not call for attention.
      const share = asked[paint] === 1 ? FLASH_SHARE[style.theme] : 0;
      flash[paint] = pixel(mix(color, toward, share));
    }
  }

  /** The rows that are there, where they belong. */
  #drawImage(range: CellRange): void {
    const image = this.#image;
    if (image === null) return;
    const { grid, grouping } = image;
    const top = Math.max(range.y0, grid.firstRow);
    const bottom = Math.min(range.y1, grid.firstRow + grid.rows);
    if (bottom <= top) return;
    const across = 1 / grid.entries / grouping.columns;
    const scale = this.#scale(range);
    const y = Math.round((top - range.y0) * scale.y);
    this.#context.imageSmoothingEnabled = false;
    this.#context.drawImage(
      this.#buffer,
      range.x0 * across,
      (top - grid.firstRow) / grouping.rows,
      (range.x1 - range.x0) * across,
      (bottom - top) / grouping.rows,
      0,
      y,
      this.#width,
      Math.round((bottom - range.y0) * scale.y) - y,
    );
  }

  #paintPixels(
    painted: PaintedItems,
    grouping: Grouping,
    nowMs: number,
    target: CanvasRenderingContext2D,
  ): void {
    if (target !== this.#target) this.#all = true;
    this.#target = target;
    const expired = this.#flash.expire(nowMs);
    const { columns, rows } = this.#image?.grouping ?? { columns: 0, rows: 0 };
    if (columns !== grouping.columns || rows !== grouping.rows) {
      this.#regroup(painted, grouping);
    }
    const image = this.#image;
    const data = this.#data;
    if (image === null || data === null) return;
    if (this.#all && target === this.#bufferContext) {
      this.#buffer.width = image.width;
      this.#buffer.height = image.height;
    }
    const { lit } = this.#flash;
    const { paint } = painted;
    if (this.#all) {
      const { alike }: Items = painted.items;
      const still = this.#flash.nextMs() === null;
      image.drawAll(this.#pixels, paint, lit, this.#inks, still ? alike : null);
      target.putImageData(data, 0, 0);
    } else {
      image.drawItems([expired, ...this.#changed], this.#pixels, paint, lit, this.#inks);
      for (const [first, end] of image.takeDirty()) {
        target.putImageData(data, 0, 0, 0, first, image.width, end - first);
      }
    }
    this.#changed = [];
    this.#pending = 0;
    this.#all = false;
  }

  #regroup(painted: PaintedItems, grouping: Grouping): void {
    const image = new CellImage(painted.items.grid, grouping);
    this.#image = image;
    this.#data = new ImageData(image.width, image.height);
    this.#pixels = new Uint32Array(this.#data.data.buffer);
    this.#all = true;
  }

  #forgetPatterns(pixelRatio: number): void {
    this.#ratio = pixelRatio;
    this.#hatches = [];
    this.#void = null;
  }

  #hatchOf(paint: number, { paints, theme }: PainterStyle): CanvasPattern | null {
    const its = paints[paint];
    return (this.#hatches[paint] ??= its
      ? hatch(this.#context, its.pattern, its.color, theme, this.#ratio)
      : null);
  }

  /** Entries of the first and last table that the mapping has not: cells will leave these rectangles free. */
  #drawVoid(range: CellRange, style: PainterStyle): void {
    const { firstColumn, cellCount, perRow, rows } = this.picture.geometry;
    const afterLast = firstColumn + cellCount - (rows - 1) * perRow;
    this.#voidRect(range, style, 0, firstColumn, 0);
    this.#voidRect(range, style, afterLast, perRow, rows - 1);
  }

  #voidRect(range: CellRange, style: PainterStyle, from: number, to: number, row: number): void {
    if (to <= from || row + 1 <= range.y0 || row >= range.y1) return;
    // A pixel more on each side: groups may round the row's edges.
    const scale = this.#scale(range);
    const x = Math.floor((from - range.x0) * scale.x) - 1;
    const y = Math.floor((row - range.y0) * scale.y) - 1;
    const width = Math.ceil((to - from) * scale.x) + 2;
    const height = Math.ceil(scale.y) + 2;
    this.#context.clearRect(x, y, width, height);
    this.#void ??= voidHatch(this.#context, style.voidLine, this.#ratio);
    if (this.#void === null) return;
    this.#context.fillStyle = this.#void;
    this.#context.fillRect(x, y, width, height);
  }

  #scale(range: CellRange): { readonly x: number; readonly y: number } {
    return {
      x: this.#width / (range.x1 - range.x0),
      y: this.#height / (range.y1 - range.y0),
    };
  }

  #drawDetails(
    painted: PaintedItems,
    range: CellRange,
    style: PainterStyle,
    pixelRatio: number,
  ): void {
    const scale = this.#scale(range);
    const from = HATCH_FROM_PX * pixelRatio;
    if (scale.y >= from) this.#drawHatches(painted, range, style, from);
    this.#context.fillStyle = style.grid;
    if (scale.x >= COLUMN_LINES_FROM_PX * pixelRatio) {
      const step = painted.items.grid.entries;
      for (let column = Math.ceil(range.x0 / step) * step; column <= range.x1; column += step) {
        this.#context.fillRect(Math.round((column - range.x0) * scale.x), 0, 1, this.#height);
      }
    }
    if (scale.y >= ROW_LINES_FROM_PX * pixelRatio) {
      for (let row = Math.ceil(range.y0); row <= range.y1; row++) {
        this.#context.fillRect(0, Math.round((row - range.y0) * scale.y), this.#width, 1);
      }
    }
  }

  /** Hatches over neighbours of one paint that together are wide enough to show one. */
  #drawHatches(
    { shown }: PaintedItems,
    range: CellRange,
    style: PainterStyle,
    leastPx: number,
  ): void {
    const scale = this.#scale(range);
    const paths = new Map<number, Path2D>();
    const { perRow, rows } = this.picture.geometry;
    const end = Math.min(perRow, Math.ceil(range.x1));
    const lastRow = Math.min(rows, Math.ceil(range.y1));
    for (let row = Math.max(0, Math.floor(range.y0)); row < lastRow; row++) {
      const top = Math.round((row - range.y0) * scale.y);
      const height = Math.round((row + 1 - range.y0) * scale.y) - top;
      let column = Math.max(0, Math.floor(range.x0));
      while (column < end) {
        const first = column;
        const paint = this.picture.paintAt(row, first);
        do column++;
        while (column < end && this.picture.paintAt(row, column) === paint);
        const left = Math.round((first - range.x0) * scale.x);
        const width = Math.round((column - range.x0) * scale.x) - left;
        if (width < leastPx || !this.#hatchOf(paint, style)) continue;
        if (shown?.[paint] === 0 && paint < MIGRATING) continue;
        let path = paths.get(paint);
        if (path === undefined) paths.set(paint, (path = new Path2D()));
        path.rect(left, top, width, height);
      }
    }
    for (const [paint, path] of paths) {
      this.#context.fillStyle = this.#hatches[paint] ?? "transparent";
      this.#context.fill(path);
    }
  }
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser gives no 2D canvas");
  return context;
}
