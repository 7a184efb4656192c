/** The heatmap as a component: canvas below, plotly above it, the cell that is looked at on top. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
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
}

/** The map of one mapping. */
export function Heatmap(props: HeatmapProps): JSX.Element {
  const { picture, sight, store } = props;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const plot = useRef<HTMLDivElement>(null);
  const panel = usePanel(props, box, canvas, plot);
  const control = useCursor(panel, picture, canvas);
  const { cursor } = control;
  // The facts of the cell follow the cells.
  store.followCells();
  return (
    <div
      ref={box}
      class="heatmap"
      style={{ height: `${heightOf(panel)}px` }}
      onPointerMove={control.onPointerMove}
      onPointerLeave={control.onPointerLeave}
      onPointerUp={control.onPointerUp}
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
      {panel && cursor && (
        <>
          <Ring place={panel.placeOf(cursor.entry.row, cursor.entry.column)} />
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

function Ring({ place }: { readonly place: Place }): JSX.Element {
  const style = {
    left: `${place.left}px`,
    top: `${place.top}px`,
    width: `${Math.max(SMALLEST_RING_PX, place.width)}px`,
    height: `${Math.max(SMALLEST_RING_PX, place.height)}px`,
  };
  return <div class="cell-ring" style={style} />;
}
