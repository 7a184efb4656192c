/** The heatmap as a component: canvas below, plotly above it, marks on top. */
import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { sameRange, type CellRange } from "../lib/geometry";
import type { CursorControl } from "./cursor-control";
import type { HeatmapPanel } from "./heatmap-panel";
import { usePanel, type PanelWishes } from "./use-panel";

const HEIGHT_BEFORE_PLAN_PX = 320;

export interface HeatmapProps extends PanelWishes {
  readonly canvas: { current: HTMLCanvasElement | null };
  readonly canvasId: string;
  readonly label: string;
  /** What the pointer does; undefined before it can do anything. */
  readonly handlers: CursorControl["handlers"] | undefined;
  /** Gets whether the canvas has the focus. */
  readonly focused: Signal<boolean>;
  /** Gets what is in sight. */
  readonly range: Signal<CellRange | null>;
  /** What lies over the cells. */
  readonly marks: (panel: HeatmapPanel) => JSX.Element | null;
}

/** The map of one level of a mapping. */
export function Heatmap(props: HeatmapProps): JSX.Element {
  const { canvas, range, focused } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<HTMLDivElement>(null);
  const panel = usePanel(props, box, canvas, plot);
  useLayoutEffect(() => {
    const now = panel?.range() ?? null;
    const before = range.peek();
    if (now === null || before === null || !sameRange(now, before)) range.value = now;
  });
  return (
    <div ref={box} class="heatmap" style={{ height: `${heightOf(panel)}px` }} {...props.handlers}>
      <canvas
        ref={canvas}
        id={props.canvasId}
        tabIndex={0}
        role="application"
        aria-roledescription="page-table map"
        aria-label={props.label}
        aria-describedby="map-keys"
        data-cells=""
        data-testid="heatmap-canvas"
        onFocus={() => {
          focused.value = true;
        }}
        onBlur={() => {
          focused.value = false;
        }}
      />
      <div ref={plot} class="plot" aria-hidden="true" data-testid="plot" />
      {panel && props.marks(panel)}
    </div>
  );
}

function heightOf(panel: HeatmapPanel | null): number {
  if (panel === null) return HEIGHT_BEFORE_PLAN_PX;
  const { height, margins } = panel.plan;
  return height + margins.top + margins.bottom;
}
