/** What lies over the cells of one end: demanded pages, dark ones, and what is pointed at or selected on either side. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { columnOf, overlap, rowOf, spanRanges, type CellSpan } from "../lib/geometry";
import { Arrival, type BlockArrivals } from "../state/migration-arrivals";
import type { Linked } from "../state/linked";
import { spanWords, type Side } from "../state/migration-words";
import type { HeatmapPanel, Place } from "./heatmap-panel";
import { cursorPlace, ringStyle } from "./linked-pane";

const LARGEST_MARK_PX = 5;
const MARK_SHARE = 0.24;
/** Smaller cells have a mark without an edge. */
const EDGED_FROM_PX = 6;
/** Room that a dark page needs for its time to be written into it. */
const WORDS_PX = { width: 52, height: 22 } as const;

/** A page that a fault was seen on and that has not come. */
export interface DarkPage {
  readonly cell: number;
  /** Since the fault; null: it is not known when that was. */
  readonly forS: number | null;
}

export interface MarksProps {
  readonly panel: HeatmapPanel;
  readonly side: Side;
  readonly linked: Linked<Side>;
  readonly selected: CellSpan | null;
  /** The log of the block, at the destination; null at the source. */
  readonly arrivals: BlockArrivals | null;
  /** Changes as the log does. */
  readonly logged: number;
  readonly dark: readonly DarkPage[];
}

/** Everything over the cells of one side. */
export function MigrationMarks(props: MarksProps): JSX.Element {
  const { panel, linked, selected, side, arrivals, dark } = props;
  return (
    <>
      {arrivals && <DemandMarks panel={panel} arrivals={arrivals} />}
      {dark.map((page) => (
        <DarkMark key={page.cell} {...{ panel, page }} />
      ))}
      {selected &&
        spanRanges(panel.picture.geometry, selected).map((range) => {
          const shown = overlap(range, panel.range());
          if (shown === null) return null;
          const one = panel.placeOf(shown.y0, shown.x0);
          const width = one.width * (shown.x1 - shown.x0);
          const height = one.height * (shown.y1 - shown.y0);
          return <Ring key={range.y0} place={{ ...one, width, height }} name="selected" />;
        })}
      <CursorRing {...{ panel, linked, side }} />
    </>
  );
}

/** Alone in being drawn anew as the cursor moves. */
function CursorRing(props: {
  readonly panel: HeatmapPanel;
  readonly linked: Linked<Side>;
  readonly side: Side;
}): JSX.Element | null {
  const place = cursorPlace(props.linked, props.panel);
  const own = props.linked.cursor.value?.side === props.side;
  return place && <Ring place={place} name={own ? "own" : "linked"} />;
}

function Ring(props: { readonly place: Place; readonly name: string }): JSX.Element {
  const { place, name } = props;
  return (
    <div
      class={`linked-ring mig-ring-${name}`}
      style={ringStyle(place)}
      data-testid={`ring-${name}`}
    />
  );
}

function DarkMark(props: {
  readonly panel: HeatmapPanel;
  readonly page: DarkPage;
}): JSX.Element | null {
  const { panel, page } = props;
  const { geometry } = panel.picture;
  const [column, row] = [columnOf(geometry, page.cell), rowOf(geometry, page.cell)];
  if (overlap(panel.range(), { x0: column, x1: column + 1, y0: row, y1: row + 1 }) === null) {
    return null;
  }
  const place = panel.placeOf(row, column);
  const roomy = place.width >= WORDS_PX.width && place.height >= WORDS_PX.height;
  const words = page.forS === null ? "dark" : spanWords(page.forS);
  return (
    <div class="mig-dark" style={ringStyle(place)} data-testid="dark-cell">
      {roomy && <span>{words}</span>}
    </div>
  );
}

/** One canvas for all of them: there may be thousands. */
function DemandMarks(props: {
  readonly panel: HeatmapPanel;
  readonly arrivals: BlockArrivals;
}): JSX.Element {
  const { panel, arrivals } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height, margins } = panel.plan;
  // Each time that the axes or the log moved.
  useLayoutEffect(() => {
    if (canvas.current) draw(canvas.current, panel, arrivals);
  });
  const style = {
    left: `${margins.left}px`,
    top: `${margins.top}px`,
    width: `${width}px`,
    height: `${height}px`,
  };
  return <canvas ref={canvas} class="mig-marks" style={style} aria-hidden="true" />;
}

function draw(canvas: HTMLCanvasElement, panel: HeatmapPanel, arrivals: BlockArrivals): void {
  const { width, height, margins } = panel.plan;
  const ratio = window.devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.scale(ratio, ratio);
  const { geometry } = panel.picture;
  const corner = panel.placeOf(0, 0);
  const [x0, y0] = [corner.left - margins.left, corner.top - margins.top];
  const smaller = Math.min(corner.width, corner.height);
  const radius = Math.min(LARGEST_MARK_PX, Math.max(1, smaller * MARK_SHARE));
  for (const cell of arrivals.marked) {
    const x = x0 + (columnOf(geometry, cell) + 0.5) * corner.width;
    const y = y0 + (rowOf(geometry, cell) + 0.5) * corner.height;
    if (x < -radius || y < -radius || x > width + radius || y > height + radius) continue;
    const seen = arrivals.kind[cell] === Arrival.FAULT;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    if (smaller < EDGED_FROM_PX) {
      context.fillStyle = seen ? "#101418" : "#ffffff";
      context.fill();
      continue;
    }
    context.lineWidth = 3.5;
    context.strokeStyle = "#ffffff";
    context.stroke();
    context.lineWidth = 1.5;
    context.strokeStyle = context.fillStyle = "#101418";
    context.stroke();
    if (seen) context.fill();
  }
}
