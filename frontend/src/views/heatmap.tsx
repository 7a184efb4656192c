/** The heatmap as a component: canvas below, plotly above it, the cell that is looked at on top. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { columnOf, overlap, rangeAround, rowOf, spanRanges, type CellSpan } from "../lib/geometry";
import type { Sight } from "../lib/words";
import { CellTooltip, spoken } from "./cell-tooltip";
import type { HeatmapPanel, Place } from "./heatmap-panel";
import { useCursor } from "./use-cursor";
import { usePanel, type PanelWishes } from "./use-panel";

const HEIGHT_BEFORE_PLAN_PX = 320;
const SMALLEST_RING_PX = 4;

export interface HeatmapProps extends PanelWishes {
  readonly sight: Sight | null;
  readonly label: string;
  /** The cells that are selected. */
  readonly cells: CellSpan | null;
  readonly select: (cell: number) => void;
}

/** The map of one mapping. */
export function Heatmap(props: HeatmapProps): JSX.Element {
  const { picture, sight, store, cells } = props;
  const { geometry } = picture;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const plot = useRef<HTMLDivElement>(null);
  const panel = usePanel(props, box, canvas, plot);
  const first = cells?.first ?? null;
  const selected =
    first === null ? null : { row: rowOf(geometry, first), column: columnOf(geometry, first) };
  const control = useCursor(panel, picture, canvas, selected, props.select);
  const { cursor } = control;
  useEffect(() => {
    if (panel === null || cells === null) return;
    const begins = { first: cells.first, count: 1 };
    const [place] = spanRanges(geometry, begins);
    if (place && overlap(place, panel.range()) === null) panel.show(rangeAround(geometry, cells));
    canvas.current?.focus({ preventScroll: true });
    // Another object of the same cells is no new selection.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [panel, geometry, first]);
  // The facts of the cell follow the cells.
  store.followCells();
  return (
    <div
      ref={box}
      class="heatmap"
      style={{ height: `${heightOf(panel)}px` }}
      onPointerDown={control.onPointerDown}
      onPointerMove={control.onPointerMove}
      onPointerLeave={control.onPointerLeave}
      onPointerUp={control.onPointerUp}
      onClick={control.onClick}
    >
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-roledescription="page-table map"
        aria-label={props.label}
        aria-describedby="map-keys"
        data-testid="heatmap-canvas"
        onKeyDown={control.onKeyDown}
        onBlur={control.onBlur}
      />
      <div ref={plot} class="plot" aria-hidden="true" data-testid="plot" />
      {panel && cells && <SelectedCells panel={panel} cells={cells} />}
      {panel && cursor && (
        <>
          <Ring place={panel.placeOf(cursor.entry.row, cursor.entry.column)} name="cell-ring" />
          <CellTooltip panel={panel} picture={picture} entry={cursor.entry} sight={sight} />
        </>
      )}
      <p class="unseen" aria-live="polite" data-testid="cell-live">
        {cursor?.by === "keyboard" && spoken(picture, cursor.entry, sight)}
      </p>
    </div>
  );
}

function heightOf(panel: HeatmapPanel | null): number {
  if (panel === null) return HEIGHT_BEFORE_PLAN_PX;
  const { height, margins } = panel.plan;
  return height + margins.top + margins.bottom;
}

/** A frame around what of the selected cells is in sight. */
function SelectedCells(props: {
  readonly panel: HeatmapPanel;
  readonly cells: CellSpan;
}): JSX.Element {
  const { panel, cells } = props;
  const seen = panel.range();
  return (
    <>
      {spanRanges(panel.picture.geometry, cells).map((range) => {
        const shown = overlap(range, seen);
        if (shown === null) return null;
        const { x0, x1, y0, y1 } = shown;
        const one = panel.placeOf(y0, x0);
        const place = { ...one, width: one.width * (x1 - x0), height: one.height * (y1 - y0) };
        return <Ring key={range.y0} place={place} name="selected-cells" />;
      })}
    </>
  );
}

function Ring(props: { readonly place: Place; readonly name: string }): JSX.Element {
  const { place, name } = props;
  const style = {
    left: `${place.left}px`,
    top: `${place.top}px`,
    width: `${Math.max(SMALLEST_RING_PX, place.width)}px`,
    height: `${Math.max(SMALLEST_RING_PX, place.height)}px`,
  };
  return <div class={name} style={style} data-testid={name} />;
}
