/**
 * Plotly's part of the heatmap: axes, ticks and the gestures that move them, over nothing.
 *
 * The plot is made once. Cells never pass through it: it is told of new sizes, colours and ticks only.
 */
import type { AxisOptions, Layout, Plotly, PlotElement } from "plotly.js-cartesian-dist-min";
import { clampRange, sameRange, type CellRange, type TableGeometry } from "../lib/geometry";
import type { PlotPlan } from "../lib/plot-plan";
import { columnTicks, rowTicks } from "../lib/ticks";
import type { Place } from "../state/viewing";

/** What the columns are. */
const UNITS = {
  tables: "page table",
  cells: "entry in its page table",
  parts: "part of the page",
} as const;

/** Colours and fonts, as the page's style sheet has them. */
export interface AxisStyle {
  readonly text: string;
  readonly line: string;
  readonly monospace: string;
}

export type DragMode = "zoom" | "pan";

/** Axes of one heatmap. */
export class PlotAxes {
  #plot: PlotElement | null = null;
  #range: CellRange;
  /** Changes of ours under way, several at a time: plotly reports them as it does the user’s. */
  #ours = 0;
  #gone = false;
  /** Whether something was asked for while plotly was at it. */
  #late = false;
  /** Whether the gesture under way moves what is in sight, and does not zoom. */
  #pans = false;

  constructor(
    private readonly plotly: Plotly,
    private readonly element: HTMLElement,
    private readonly geometry: TableGeometry,
    private readonly limits: CellRange,
    private plan: PlotPlan,
    private style: AxisStyle,
    /** Called whenever cells stand elsewhere than before. */
    private readonly moved: () => void,
    range: CellRange,
    private dragMode: DragMode,
    private readonly place: Place,
  ) {
    this.#range = range;
  }

  /** Make the plot. */
  async create(): Promise<void> {
    const how = { capture: true, passive: true };
    this.element.addEventListener("pointerdown", this.#began, how);
    this.element.addEventListener("wheel", this.#began, how);
    const plot = await this.plotly.newPlot(
      this.element,
      [{ type: "scatter", x: [], y: [] }],
      this.#layout(),
      {
        scrollZoom: true,
        doubleClick: false,
        displayModeBar: false,
        displaylogo: false,
        responsive: false,
        showTips: false,
      },
    );
    if (this.#gone) {
      this.plotly.purge(this.element);
      return;
    }
    this.#plot = plot;
    plot.on("plotly_relayouting", this.moved);
    plot.on("plotly_relayout", () => {
      if (this.#ours === 0) void this.#settle();
    });
    if (this.#late) await this.#relayout(this.#frame());
    else this.moved();
  }

  /** What is on screen now, also in the middle of a drag. */
  range(): CellRange {
    if (this.#plot === null) return this.#range;
    const { xaxis, yaxis } = this.#plot._fullLayout;
    return { x0: xaxis.range[0], x1: xaxis.range[1], y0: yaxis.range[1], y1: yaxis.range[0] };
  }

  /** Whether the home range is on screen. */
  atHome(): boolean {
    return sameRange(this.range(), this.plan.home);
  }

  /** Show this range. */
  async show(range: CellRange): Promise<void> {
    this.#range = clampRange(range, this.limits);
    await this.#relayout({});
  }

  /** Another size or other colours; what was at home stays at home. */
  async restyle(plan: PlotPlan, style: AxisStyle): Promise<void> {
    const home = this.atHome();
    this.plan = plan;
    this.style = style;
    this.#range = home ? plan.home : this.range();
    await this.#relayout(this.#frame());
  }

  /** What dragging does. Shift does the other. */
  async drag(mode: DragMode): Promise<void> {
    this.dragMode = mode;
    await this.#relayout({ dragmode: mode });
  }

  /** Remove everything. */
  destroy(): void {
    this.#gone = true;
    this.#plot = null;
    this.plotly.purge(this.element);
  }

  readonly #began = ({ target, type, shiftKey }: PointerEvent | WheelEvent): void => {
    const { classList } = target as Element;
    this.#pans =
      type !== "wheel" &&
      (classList.contains("nsewdrag")
        ? (this.dragMode === "pan") !== shiftKey
        : classList.contains("ewdrag") || classList.contains("nsdrag"));
  };

  async #settle(): Promise<void> {
    const { limits } = this;
    const [now, before] = [this.range(), this.#range];
    let [x0, x1] = [Math.min(now.x0, now.x1), Math.max(now.x0, now.x1)];
    let [y0, y1] = [Math.min(now.y0, now.y1), Math.max(now.y0, now.y1)];
    if (this.#pans) {
      // Plotly shrinks what is moved against an edge.
      [x0, x1] = asWide(x0, x1, before.x1 - before.x0, limits.x0);
      [y0, y1] = asWide(y0, y1, before.y1 - before.y0, limits.y0);
    }
    await this.show({ x0, x1, y0, y1 });
  }

  async #relayout(update: Record<string, unknown>): Promise<void> {
    if (this.#plot === null) {
      this.#late = true;
      return;
    }
    this.#ours++;
    try {
      await this.plotly.relayout(this.element, {
        ...update,
        xaxis: this.#xaxis(),
        yaxis: this.#yaxis(),
      });
    } finally {
      this.#ours--;
    }
    this.moved();
  }

  /** Its size, and what dragging does. */
  #frame(): Pick<Layout, "width" | "height" | "margin" | "dragmode"> {
    const { width, height, margins } = this.plan;
    return {
      width: width + margins.left + margins.right,
      height: height + margins.top + margins.bottom,
      margin: { l: margins.left, r: margins.right, t: margins.top, b: margins.bottom, pad: 0 },
      dragmode: this.dragMode,
    };
  }

  #layout(): Layout {
    return {
      ...this.#frame(),
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      hovermode: false,
      showlegend: false,
      xaxis: this.#xaxis(),
      yaxis: this.#yaxis(),
    };
  }

  #xaxis(): AxisOptions {
    const { x0, x1 } = this.#range;
    const { perRow } = this.geometry;
    const ticks = columnTicks(x0, x1, this.plan.width, perRow);
    return {
      ...this.#axis(0, perRow, ticks.positions, ticks.labels),
      range: [x0, x1],
      title: {
        text: this.place.perRow ? "page in its row" : UNITS[this.place.level.kind],
        font: { size: this.plan.fontPx, color: this.style.text },
        standoff: 4,
      },
    };
  }

  #yaxis(): AxisOptions {
    const { y0, y1 } = this.#range;
    const ticks = rowTicks(this.geometry, y0, y1, this.plan.height);
    return {
      ...this.#axis(this.limits.y0, this.limits.y1, ticks.positions, ticks.labels),
      range: [y1, y0],
    };
  }

  #axis(least: number, most: number, positions: number[], labels: string[]): AxisOptions {
    return {
      minallowed: least,
      maxallowed: most,
      tickmode: "array",
      tickvals: positions,
      ticktext: labels,
      ticks: "outside",
      ticklen: 4,
      tickcolor: this.style.line,
      tickfont: {
        family: this.style.monospace,
        size: this.plan.fontPx,
        color: this.style.text,
      },
      showgrid: false,
      zeroline: false,
      showline: false,
      automargin: false,
    };
  }
}

/** A span of this width that ends, or at the lower edge begins, where this one does. */
function asWide(low: number, high: number, width: number, edge: number): [number, number] {
  return low <= edge ? [low, low + width] : [high - width, high];
}
