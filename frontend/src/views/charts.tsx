/** How a host went, and its cells counted by class: plots, each with its numbers in words and as a table. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { histogramsOf, histogramWords, type Histogram } from "../lib/histograms";
import {
  timelineRows,
  timelinesOf,
  timelineWords,
  valueWords,
  type Timeline,
} from "../lib/timeline";
import type { History } from "../state/follow";
import { theme } from "../state/theme";
import type { HostSummary } from "../wire/types";
import { histogramFigure, seriesStroke, timelineFigure, type FigureStyle } from "./chart-figures";
import { ChartPlot, type Figure } from "./chart-plot";
import { useInSight } from "./in-sight";
import { loadPlotly } from "./parts";

const SOURCES = { live: null, capture: "captured tree", replay: "replay" } as const;

/** All charts of a host. */
export function Charts(props: {
  readonly host: HostSummary;
  readonly history: History | null;
}): JSX.Element {
  const { host, history } = props;
  const shownTheme = theme.value;
  const timelines = useMemo(() => timelinesOf(history?.points ?? []), [history]);
  const histograms = useMemo(
    () => (history ? histogramsOf(history.histograms, shownTheme) : []),
    [history, shownTheme],
  );
  if (history === null) return <p class="muted">Waiting for the host’s statistics.</p>;
  const source = SOURCES[host.source.kind];
  return (
    <>
      {history.points.length === 0 && (
        <p class="muted" data-testid="no-points">
          No point of a timeline yet: the host makes one a second while it sends.
        </p>
      )}
      {host.link !== "live" && (
        <p class="note note-late">The agent is {host.link}: the latest point is not of now.</p>
      )}
      <div class="charts" data-testid="charts">
        {history.points.length > 0 &&
          timelines.map((one) => <TimelineChart key={one.key} timeline={one} source={source} />)}
        {histograms.map((one) => (
          <HistogramChart key={one.key} histogram={one} source={source} />
        ))}
      </div>
    </>
  );
}

/** One timeline with its legend. */
export function TimelineChart(props: {
  readonly timeline: Timeline;
  readonly source: string | null;
}): JSX.Element {
  const { timeline, source } = props;
  const { title, series } = timeline;
  return (
    <Chart
      name={timeline.key}
      title={title}
      source={source}
      words={timelineWords(timeline)}
      data={timeline}
      figure={timelineFigure}
      head={["moment", ...series.map(({ label }) => label)]}
      rows={() => timelineRows(timeline)}
    >
      <ul class="legend">
        {series.map(({ key, label, values }, at) => (
          <li key={key}>
            <Stroke {...seriesStroke(theme.value, at)} /> {label}{" "}
            <b>{valueWords(timeline, values.at(-1) ?? null)}</b>
          </li>
        ))}
      </ul>
    </Chart>
  );
}

/** A piece of a series' line. */
function Stroke(props: { readonly color: string; readonly dash: string }): JSX.Element {
  const dashes = { solid: "none", dash: "6 3", dot: "2 2", dashdot: "6 2 2 2" }[props.dash];
  return (
    <svg class="stroke" width="20" height="8" aria-hidden="true">
      <path d="M0 4h20" stroke={props.color} stroke-width="2" stroke-dasharray={dashes} />
    </svg>
  );
}

function HistogramChart(props: {
  readonly histogram: Histogram;
  readonly source: string | null;
}): JSX.Element {
  const { histogram, source } = props;
  return (
    <Chart
      name={histogram.key}
      title={histogram.title}
      source={source}
      words={histogramWords(histogram)}
      data={histogram}
      figure={histogramFigure}
      head={[histogram.of, histogram.unit ?? "memory"]}
      rows={() => histogram.bars.map((bar) => [bar.label, bar.words])}
    >
      {histogram.bars.length === 0 && <p class="muted">Nothing is present.</p>}
    </Chart>
  );
}

interface ChartProps<T> {
  readonly name: string;
  readonly title: string;
  /** Where the numbers are from, if not from a running kernel. */
  readonly source: string | null;
  readonly words: string;
  readonly data: T;
  readonly figure: (data: T, style: FigureStyle) => Figure;
  readonly head: readonly string[];
  readonly rows: () => readonly (readonly string[])[];
  readonly children: JSX.Element | false;
}

function Chart<T>(props: ChartProps<T>): JSX.Element {
  const { name, title, source, words, data, figure, children } = props;
  const plot = useRef<HTMLDivElement>(null);
  usePlot(plot, data, figure);
  const [what, more] = title.split(": ", 2);
  return (
    <figure class="chart" data-testid={`chart-${name}`}>
      <figcaption>
        <b>{what}</b> <span class="muted">{more}</span>{" "}
        {source !== null && <span class="tag tag-late">{source}</span>}
      </figcaption>
      {children}
      <div class="plot-box" role="img" aria-label={words}>
        <div class="plot" aria-hidden="true" ref={plot} />
      </div>
      <Twin {...props} />
    </figure>
  );
}

/** The chart's numbers; the table is made only when it is opened. */
function Twin(props: Pick<ChartProps<unknown>, "name" | "title" | "head" | "rows">): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <details
      class="twin"
      data-testid={`twin-${props.name}`}
      onToggle={(event) => {
        setOpen(event.currentTarget.open);
      }}
    >
      <summary>as a table</summary>
      {open && (
        <table aria-label={props.title}>
          <thead>
            <tr>
              {props.head.map((label) => (
                <th key={label} scope="col">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {props.rows().map(([label, ...values]) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                {values.map((value, at) => (
                  <td key={at}>{value}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </details>
  );
}

/** Keeps a plot in an element while that is in sight. */
function usePlot<T>(
  element: { readonly current: HTMLDivElement | null },
  data: T,
  figure: (data: T, style: FigureStyle) => Figure,
): void {
  const inSight = useInSight(element);
  const [plot, setPlot] = useState<ChartPlot | null>(null);
  const widthPx = useWidth(element);
  const shownTheme = theme.value;
  useEffect(() => {
    let made: ChartPlot | null = null;
    let gone = false;
    void loadPlotly().then((plotly) => {
      if (gone || !element.current) return;
      made = new ChartPlot(plotly, element.current);
      setPlot(made);
    });
    return () => {
      gone = true;
      made?.destroy();
    };
  }, [element]);
  useEffect(() => {
    if (plot === null || !inSight || widthPx === 0) return;
    plot.show(figure(data, { ...tokens(), theme: shownTheme, widthPx }));
  }, [plot, inSight, widthPx, shownTheme, data, figure]);
}

function useWidth(element: { readonly current: HTMLDivElement | null }): number {
  const [widthPx, setWidthPx] = useState(0);
  useEffect(() => {
    if (!element.current) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      setWidthPx(Math.floor(entry?.contentRect.width ?? 0));
    });
    observer.observe(element.current);
    return () => {
      observer.disconnect();
    };
  }, [element]);
  return widthPx;
}

/** The page's colours, resolved: plotly knows no light-dark(). */
function tokens(): Omit<FigureStyle, "theme" | "widthPx"> {
  const page = getComputedStyle(document.documentElement);
  const token = (name: string): string => page.getPropertyValue(`--${theme.peek()}-${name}`).trim();
  return {
    text: token("muted"),
    line: token("line"),
    surface: token("grid"),
    font: page.getPropertyValue("--sans").trim(),
  };
}
