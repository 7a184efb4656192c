/** One heatmap on screen: painter below, plotly's axes above, and the one animation frame that draws. */
import type { Plotly } from "plotly.js-cartesian-dist-min";
import { clampRange, rangeShowing, sameRange, type CellRange } from "../lib/geometry";
import { planPlot, type PlotPlan } from "../lib/plot-plan";
import type { Picture } from "../state/picture";
import type { CellScreen } from "../state/cell-screen";
import type { Store } from "../state/store";
import { HeatmapPainter, type PainterStyle } from "./heatmap-painter";
import type { AxisStyle, DragMode, PlotAxes } from "./plot-axes";

export interface PanelElements {
  readonly canvas: HTMLCanvasElement;
  readonly plot: HTMLElement;
}

export interface PanelStyle extends PainterStyle, AxisStyle {}

/** A place on screen in CSS pixels, from the left upper corner of the plot with its margins. */
export interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A flash ends with the next update's frame if that comes so soon, to save a frame of its own. */
const FLASH_GRACE_MS = 120;
/** A gesture has to settle before other cells are asked for. */
const LOOK_AFTER_MS = 150;
const PICTURED_BY_MS = 500;
/** Cells are most often here sooner, and an empty map drawn meanwhile would only delay them. */
const CELLS_COME_WITHIN_MS = 100;

/** Ties painter, axes and picture together; made anew for each picture. */
export class HeatmapPanel implements CellScreen {
  #painter: HeatmapPainter;
  #axes: PlotAxes | null = null;
  #plan: PlotPlan;
  #frame = 0;
  #isPictured = false;
  #resolve: () => void = () => undefined;
  /** Settles when cells are drawn, or after a while: what only goes with them must not delay them. */
  readonly pictured = new Promise<void>((resolve) => {
    this.#resolve = resolve;
    window.setTimeout(resolve, PICTURED_BY_MS);
  });
  #timer = 0;
  #waiting: (() => void)[] = [];
  #frameIsUpdate = false;
  #destroyed = false;
  #stopListening: () => void;
  #style: PanelStyle;
  #lookTimer = 0;
  /** What is on screen until there are axes; null: home. */
  #range: CellRange | null;
  #dragMode: DragMode = "zoom";
  /** Whether changed cells light up. */
  flashes = true;
  /** Called after each move of the axes and each change of size. */
  onMoved: (() => void) | null = null;

  constructor(
    private readonly elements: PanelElements,
    readonly picture: Picture,
    private readonly store: Store,
    style: PanelStyle,
    room: { readonly width: number; readonly height: number },
    /** What to show at first; null: home. */
    readonly first: CellRange | null,
  ) {
    this.#range = first && clampRange(first, picture.limits);
    this.#painter = new HeatmapPainter(elements.canvas, picture);
    this.#painter.setStyle(style);
    this.#style = style;
    this.#plan = this.#planFor(room);
    this.#fitCanvas();
    this.#stopListening = picture.listen((changed, quietly) => {
      this.#painter.mark(changed, this.flashes && !quietly ? performance.now() : null);
      if (changed === null || quietly) this.#schedule();
    });
    // Cells that came before there was a panel are an update that is drawn now.
    this.#frameIsUpdate = picture.complete;
    if (picture.items === null) this.#drawLater(CELLS_COME_WITHIN_MS);
    else this.#schedule();
    this.#look();
  }

  /** Put the axes up. */
  async addAxes(plotly: Plotly, Axes: typeof PlotAxes): Promise<void> {
    const axes = new Axes(
      plotly,
      this.elements.plot,
      this.picture.geometry,
      this.picture.limits,
      this.#plan,
      this.#style,
      this.#moved,
      this.range(),
      this.#dragMode,
      this.picture.place,
    );
    this.#axes = axes;
    await axes.create();
  }

  /** Whether it was taken down: plotly may have been a long time coming. */
  get gone(): boolean {
    return this.#destroyed;
  }

  get plan(): PlotPlan {
    return this.#plan;
  }

  /** Device pixels of the plot: so many cells can be drawn one by one. */
  get pixels(): number {
    const { width, height } = this.#plan;
    return width * height * window.devicePixelRatio ** 2;
  }

  /** What is on screen now. */
  range(): CellRange {
    return this.#axes?.range() ?? this.#range ?? this.#plan.home;
  }

  /** Whether the home range is on screen. */
  atHome(): boolean {
    return sameRange(this.range(), this.#plan.home);
  }

  /** Show this range. */
  show(range: CellRange): void {
    if (this.#axes !== null) {
      void this.#axes.show(range);
      return;
    }
    this.#range = sameRange(range, this.#plan.home) ? null : clampRange(range, this.picture.limits);
    this.#moved();
  }

  /** Show all that there is. */
  home(): void {
    this.show(this.#plan.home);
  }

  /** See `factor` times as much, around an entry or the middle. */
  zoom(factor: number, around?: { readonly row: number; readonly column: number }): void {
    const { x0, x1, y0, y1 } = this.range();
    const x = around ? around.column + 0.5 : (x0 + x1) / 2;
    const y = around ? around.row + 0.5 : (y0 + y1) / 2;
    const from = (at: number, edge: number): number => at + (edge - at) * factor;
    this.show({ x0: from(x, x0), x1: from(x, x1), y0: from(y, y0), y1: from(y, y1) });
  }

  /** Move by shares of what is in sight. */
  pan(columns: number, rows: number): void {
    const { x0, x1, y0, y1 } = this.range();
    const [dx, dy] = [columns * (x1 - x0), rows * (y1 - y0)];
    this.show({ x0: x0 + dx, x1: x1 + dx, y0: y0 + dy, y1: y1 + dy });
  }

  /** Move the range as little as shows this entry. */
  reveal(row: number, column: number): void {
    const range = this.range();
    const moved = rangeShowing(range, row, column);
    if (moved.x0 !== range.x0 || moved.y0 !== range.y0) this.show(moved);
  }

  /** What dragging does. */
  drag(mode: DragMode): void {
    this.#dragMode = mode;
    void this.#axes?.drag(mode);
  }

  /** Another size. */
  resize(room: { readonly width: number; readonly height: number }): void {
    const plan = this.#planFor(room);
    const { width, height, fontPx } = this.#plan;
    if (plan.width === width && plan.height === height && plan.fontPx === fontPx) return;
    this.#plan = plan;
    this.#fitCanvas();
    void this.#axes?.restyle(plan, this.#style);
    this.#moved();
  }

  /** Other colours. */
  restyle(style: PanelStyle): void {
    if (style === this.#style) return;
    const axesToo = style.text !== this.#style.text || style.line !== this.#style.line;
    this.#style = style;
    this.#painter.setStyle(style);
    if (axesToo) void this.#axes?.restyle(this.#plan, style);
    this.#schedule();
  }

  /** Draw at the next animation frame, then call `drawn`. */
  scheduleDraw(drawn: () => void): void {
    this.#waiting.push(drawn);
    this.#frameIsUpdate = true;
    this.#schedule();
  }

  /** Row and column at a place in the window, the cell's or not; null outside of the axes. */
  entryAt(clientX: number, clientY: number): { row: number; column: number } | null {
    const box = this.elements.canvas.getBoundingClientRect();
    const x = (clientX - box.left) / box.width;
    const y = (clientY - box.top) / box.height;
    if (x < 0 || x >= 1 || y < 0 || y >= 1) return null;
    const range = this.range();
    return {
      row: Math.floor(range.y0 + y * (range.y1 - range.y0)),
      column: Math.floor(range.x0 + x * (range.x1 - range.x0)),
    };
  }

  /** Where the plot's upper edge is in the window. */
  get windowTop(): number {
    return this.elements.plot.getBoundingClientRect().top;
  }

  /** Where an entry is drawn. */
  placeOf(row: number, column: number): Place {
    const { x0, x1, y0, y1 } = this.range();
    const { width, height, margins } = this.#plan;
    const across = width / (x1 - x0);
    const down = height / (y1 - y0);
    return {
      left: margins.left + (column - x0) * across,
      top: margins.top + (row - y0) * down,
      width: across,
      height: down,
    };
  }

  /** Middle of an entry in CSS pixels of the window; null while it lies outside of the axes. */
  centerOf(row: number, column: number): { readonly x: number; readonly y: number } | null {
    const box = this.elements.canvas.getBoundingClientRect();
    const { x0, x1, y0, y1 } = this.range();
    const x = (column + 0.5 - x0) / (x1 - x0);
    const y = (row + 0.5 - y0) / (y1 - y0);
    if (x < 0 || x > 1 || y < 0 || y > 1) return null;
    return { x: box.left + x * box.width, y: box.top + y * box.height };
  }

  /** Leave nothing behind. */
  destroy(): void {
    this.#destroyed = true;
    cancelAnimationFrame(this.#frame);
    window.clearTimeout(this.#timer);
    window.clearTimeout(this.#lookTimer);
    this.#stopListening();
    this.#axes?.destroy();
    for (const drawn of this.#waiting) drawn();
  }

  /** Cells stand elsewhere than before. */
  readonly #moved = (): void => {
    this.#schedule();
    this.#lookSoon();
    this.onMoved?.();
  };

  #planFor(room: { readonly width: number; readonly height: number }): PlotPlan {
    const { geometry, limits } = this.picture;
    return planPlot(geometry, limits, room.width, room.height, window.devicePixelRatio);
  }

  /** Tell the store what is in sight. */
  #look(): void {
    const ratio = window.devicePixelRatio;
    const { width, height } = this.#plan;
    this.store.look(this.range(), Math.round(width * ratio), Math.round(height * ratio));
  }

  #lookSoon(): void {
    window.clearTimeout(this.#lookTimer);
    this.#lookTimer = window.setTimeout(() => {
      this.#look();
    }, LOOK_AFTER_MS);
  }

  #fitCanvas(): void {
    const { canvas } = this.elements;
    const { width, height, margins } = this.#plan;
    const ratio = window.devicePixelRatio;
    this.#painter.resize(Math.round(width * ratio), Math.round(height * ratio));
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    canvas.style.left = `${margins.left}px`;
    canvas.style.top = `${margins.top}px`;
  }

  #schedule(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw(): void {
    const begin = performance.now();
    const ratio = window.devicePixelRatio;
    this.#painter.draw(this.range(), ratio, begin);
    const drawMs = performance.now() - begin;
    const { timings } = this.store;
    if (this.#frameIsUpdate) {
      timings.drawMs = drawMs;
      timings.updates++;
    }
    // Draws that only end a flash or follow a gesture are part of what an update costs, too.
    timings.totalMs += drawMs;
    this.#frameIsUpdate = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const drawn of waiting) drawn();
    if (this.picture.complete && !this.#isPictured) {
      this.#isPictured = true;
      window.setTimeout(this.#resolve);
    }
    window.clearTimeout(this.#timer);
    const next = this.#painter.nextMs();
    if (next === null) return;
    this.#drawLater(Math.max(0, next - performance.now()) + FLASH_GRACE_MS);
  }

  #drawLater(delayMs: number): void {
    this.#timer = window.setTimeout(() => {
      this.#schedule();
    }, delayMs);
  }
}
