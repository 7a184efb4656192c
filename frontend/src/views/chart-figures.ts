/** Timelines and histograms as plotly wants them. */
import type { Histogram } from "../lib/histograms";
import type { Pattern, Theme } from "../lib/palette";
import { spanS, spanTicks, valueWords, type Timeline } from "../lib/timeline";
import type { Figure } from "./chart-plot";

const HEIGHT_PX = 200;
const BAR_PX = 26;
/** One bar alone should not become a wall. */
const LEAST_BARS = 6;
const LEAST_LYING = 4;
const ROOMY_PX = 340;
/** Room above the longest bar for its words. */
const ABOVE = 1.15;
/** Room before a lying bar for its name, and after it for its words. */
const NAME_PX = 130;
const WORDS_PX = 175;
const DASHES = ["solid", "dash", "dot", "dashdot"] as const;
const HUES: Readonly<Record<Theme, readonly string[]>> = {
  light: ["#2450b8", "#c25400", "#55606e", "#1b7774"],
  dark: ["#6899fa", "#ff9a4d", "#98a4b3", "#02ffba"],
};
const SHAPES: Readonly<Record<Pattern, string>> = {
  none: "",
  diagonal: "/",
  cross: "x",
  dots: ".",
  unknown: "/",
};

/** Colours and sizes of the page that a figure is on. */
export interface FigureStyle {
  readonly theme: Theme;
  readonly text: string;
  readonly line: string;
  readonly surface: string;
  readonly font: string;
  readonly widthPx: number;
}

/** Colour and dashes of a timeline's series. */
export function seriesStroke(theme: Theme, at: number): { color: string; dash: string } {
  const hues = HUES[theme];
  return {
    color: hues[at % hues.length] ?? "#888888",
    dash: DASHES[at % DASHES.length] ?? "solid",
  };
}

/** Lines over time: steps for sizes, which stay as they are between two points. */
export function timelineFigure(timeline: Timeline, style: FigureStyle): Figure {
  const { agoS, series, unit } = timeline;
  const scale = unit === null ? byteScale(series.flatMap(({ values }) => values)) : null;
  const x = agoS.map((ago) => -ago);
  const traces = series.map(({ label, values }, at) => {
    const { color, dash } = seriesStroke(style.theme, at);
    return {
      type: "scatter",
      mode: "lines+markers",
      name: label,
      x,
      y: values.map((value) => (value === null ? null : value / (scale?.each ?? 1))),
      text: values.map((value) => valueWords(timeline, value)),
      line: { color, dash, width: 1.5, shape: unit === null ? "hv" : "linear" },
      // A point between two gaps has no line.
      marker: {
        color,
        size: values.map((value, i) => (isAlone(values, i) && value !== null ? 5 : 0)),
      },
      hovertemplate: "%{text}<extra>%{fullData.name}</extra>",
    };
  });
  const span = spanS(agoS);
  const ticks = spanTicks(span, style.widthPx >= ROOMY_PX);
  const layout = {
    ...baseLayout(style, HEIGHT_PX),
    hovermode: "x unified",
    xaxis: {
      ...axis(style, "time before the latest point"),
      range: [-span, span / 100],
      tickmode: "array",
      tickvals: ticks.at,
      ticktext: ticks.words,
      tickangle: 0,
      unifiedhovertitle: { text: "%{x:.0f} s" },
    },
    yaxis: { ...axis(style, scale?.name ?? unit ?? ""), rangemode: "tozero" },
  };
  return {
    shape: shapeOf(
      style,
      series.map(({ key }) => key),
    ),
    ...sized(style, traces, layout),
  };
}

/** Bars: counts upright, sizes lying, as their names are long. */
export function histogramFigure(histogram: Histogram, style: FigureStyle): Figure {
  const { bars, unit } = histogram;
  const lying = unit === null;
  const scale = lying ? byteScale(bars.map((bar) => bar.value)) : null;
  const values = bars.map((bar) => bar.value / (scale?.each ?? 1));
  const labels = bars.map((bar) => bar.label);
  const trace = {
    type: "bar",
    orientation: lying ? "h" : "v",
    x: lying ? values : labels,
    y: lying ? labels : values,
    text: bars.map((bar) => bar.words),
    textposition: "outside",
    textfont: { color: style.text },
    cliponaxis: false,
    marker: {
      color: bars.map((bar) => bar.color),
      line: { color: style.text, width: 0.5 },
      pattern: { shape: bars.map((bar) => SHAPES[bar.pattern]), fgcolor: style.text, size: 6 },
    },
    hovertemplate: "%{text}<extra></extra>",
  };
  const lengthPx = Math.max(WORDS_PX + 40, style.widthPx - NAME_PX);
  const room = lying ? lengthPx / (lengthPx - WORDS_PX) : ABOVE;
  const top = Math.max(1e-9, ...values) * room;
  const numbers = { ...axis(style, scale?.name ?? unit ?? ""), range: [0, top] };
  const names = {
    ...axis(style, lying ? "" : histogram.of),
    type: "category",
    showgrid: false,
    // Every bar has its name.
    dtick: 1,
    automargin: true,
  };
  const last = Math.max(bars.length, lying ? LEAST_LYING : LEAST_BARS) - 0.5;
  const layout = {
    ...baseLayout(style, lying ? 64 + Math.max(LEAST_LYING, bars.length) * BAR_PX : HEIGHT_PX),
    hovermode: "closest",
    bargap: 0.25,
    xaxis: lying ? numbers : { ...names, range: [-0.5, last] },
    yaxis: lying ? { ...names, range: [last, -0.5] } : numbers,
  };
  return { shape: shapeOf(style, lying ? labels : [unit]), ...sized(style, [trace], layout) };
}

function sized(
  { widthPx }: FigureStyle,
  traces: readonly Record<string, unknown>[],
  layout: Record<string, unknown>,
): Omit<Figure, "shape"> {
  return { widthPx, traces, layout };
}

/** Another theme or other series make another plot. */
function shapeOf(style: FigureStyle, keys: readonly string[]): string {
  return [style.theme, ...keys].join("/");
}

function isAlone(values: readonly (number | null)[], at: number): boolean {
  return (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;
}

function baseLayout(style: FigureStyle, height: number): Record<string, unknown> {
  return {
    width: style.widthPx,
    height,
    margin: { l: 52, r: 20, t: 8, b: 40, pad: 0 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    showlegend: false,
    dragmode: false,
    font: { family: style.font, size: 11, color: style.text },
    hoverlabel: {
      bgcolor: style.surface,
      bordercolor: style.line,
      font: { family: style.font, size: 11, color: style.text },
      namelength: -1,
    },
  };
}

function axis(style: FigureStyle, title: string): Record<string, unknown> {
  return {
    title: { text: title, standoff: 6 },
    fixedrange: true,
    gridcolor: style.line,
    linecolor: style.line,
    zeroline: false,
    nticks: 5,
  };
}

const BYTE_UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** The unit that the largest of these is told in. */
function byteScale(values: readonly (number | null)[]): { name: string; each: number } {
  const largest = Math.max(1, ...values.map((value) => Math.abs(value ?? 0)));
  const power = Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(largest) / 10));
  return { name: BYTE_UNITS[power] ?? "bytes", each: 1024 ** power };
}
