/** The part of plotly.js that is used here; the cartesian bundle ships no types of its own. */
declare module "plotly.js-cartesian-dist-min" {
  export interface AxisOptions {
    range?: [number, number];
    minallowed?: number;
    maxallowed?: number;
    tickmode?: "array";
    tickvals?: number[];
    ticktext?: string[];
    ticks?: "outside";
    ticklen?: number;
    tickcolor?: string;
    tickfont?: { family: string; size: number; color: string };
    title?: { text: string; font: { size: number; color: string }; standoff?: number };
    showgrid?: boolean;
    zeroline?: boolean;
    showline?: boolean;
    fixedrange?: boolean;
    automargin?: boolean;
  }

  export interface Layout {
    width: number;
    height: number;
    margin: { l: number; r: number; t: number; b: number; pad: number };
    paper_bgcolor: string;
    plot_bgcolor: string;
    hovermode: false;
    dragmode: "zoom" | "pan";
    showlegend: false;
    xaxis: AxisOptions;
    yaxis: AxisOptions;
  }

  export interface Config {
    scrollZoom: boolean;
    doubleClick: false;
    displayModeBar: false;
    displaylogo: false;
    responsive: false;
    showTips: false;
  }

  export interface PlotElement extends HTMLElement {
    on(
      event: "plotly_relayout" | "plotly_relayouting" | "plotly_doubleclick",
      fn: () => void,
    ): void;
    removeAllListeners(event: string): void;
    readonly data: readonly Record<string, unknown>[];
    /** As it was given, with what changed since. */
    readonly layout: Layout;
    /** Axes as they stand on screen now, also in the middle of a drag. */
    readonly _fullLayout: {
      readonly xaxis: { readonly range: readonly [number, number] };
      readonly yaxis: { readonly range: readonly [number, number] };
    };
  }

  export interface Plotly {
    newPlot(
      element: HTMLElement,
      data: readonly Record<string, unknown>[],
      layout: Layout,
      config: Config,
    ): Promise<PlotElement>;
    relayout(element: HTMLElement, update: Record<string, unknown>): Promise<unknown>;
    purge(element: HTMLElement): void;
    /** A data URL. */
    toImage(
      figure: Pick<PlotElement, "data" | "layout">,
      options: { format: "png"; width: number; height: number; scale: number },
    ): Promise<string>;
  }

  const plotly: Plotly;
  export default plotly;
}
