/**
 * A plot that is made once and then told of new numbers, at most once a second and never in a hidden tab.
 *
 * Only what came last is drawn; what makes it another plot (its theme, its series) makes it anew.
 */
import type { Plotly } from "plotly.js-cartesian-dist-min";

const PERIOD_MS = 1000;

/** What to draw. */
export interface Figure {
  /** Figures of one shape differ in their numbers only. */
  readonly shape: string;
  readonly widthPx: number;
  readonly traces: readonly Readonly<Record<string, unknown>>[];
  readonly layout: Readonly<Record<string, unknown>>;
}

const CONFIG = { displayModeBar: false, displaylogo: false, responsive: false, showTips: false };
/** What an update carries of each trace. */
const NUMBERS = ["x", "y", "text", "marker"] as const;

/** Plotly in one element. */
export class ChartPlot {
  #wanted: Figure | null = null;
  #shown: Figure | null = null;
  #drawnMs = -Infinity;
  #busy = false;
  #timer: number | undefined;
  #gone = false;

  constructor(
    private readonly plotly: Plotly,
    private readonly element: HTMLElement,
  ) {
    document.addEventListener("visibilitychange", this.#draw);
  }

  /** Draw this soon. */
  show(figure: Figure): void {
    this.#wanted = figure;
    this.#draw();
  }

  /** Remove everything. */
  destroy(): void {
    this.#gone = true;
    window.clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#draw);
    if (!this.#busy) this.plotly.purge(this.element);
  }

  readonly #draw = (): void => {
    const [figure, shown] = [this.#wanted, this.#shown];
    if (figure === null || figure === shown || this.#busy || document.hidden || this.#gone) return;
    const another = figure.shape !== shown?.shape || figure.widthPx !== shown.widthPx;
    const waitMs = another ? 0 : this.#drawnMs + PERIOD_MS - performance.now();
    window.clearTimeout(this.#timer);
    if (waitMs > 0) {
      this.#timer = window.setTimeout(this.#draw, waitMs);
      return;
    }
    this.#busy = true;
    this.#drawnMs = performance.now();
    this.#shown = figure;
    void this.#plot(figure, shown).finally(() => {
      this.#busy = false;
      if (this.#gone) this.plotly.purge(this.element);
      else this.#draw();
    });
  };

  async #plot({ shape, traces, layout }: Figure, shown: Figure | null): Promise<void> {
    if (shape !== shown?.shape) {
      await this.plotly.newPlot(this.element, traces, layout, CONFIG);
      return;
    }
    const data = NUMBERS.filter((key) => traces.some((trace) => key in trace)).map(
      (key) => [key, traces.map((trace) => trace[key])] as const,
    );
    await this.plotly.update(this.element, Object.fromEntries(data), layout);
  }
}
