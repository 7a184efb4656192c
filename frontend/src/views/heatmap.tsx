/** The heatmap as a component: canvas below, plotly above it, the entry that is looked at on top. */
import { useSignal, type Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import {
  cellAt,
  overlap,
  rangeAround,
  sameRange,
  spanRanges,
  type CellRange,
  type CellSpan,
} from "../lib/geometry";
import type { Picture } from "../state/picture";
import type { Store } from "../state/store";
import { CellTooltip, spoken, type Looking } from "./cell-tooltip";
import type { HeatmapPanel, Place } from "./heatmap-panel";
import type { CursorControl } from "./use-cursor";
import { usePanel, type PanelWishes } from "./use-panel";

const HEIGHT_BEFORE_PLAN_PX = 320;
const SMALLEST_RING_PX = 4;

export interface HeatmapProps extends PanelWishes {
  readonly canvas: { current: HTMLCanvasElement | null };
  readonly canvasId: string;
  readonly looking: Looking;
  readonly label: string;
  /** The entries that are selected. */
  readonly selected: CellSpan | null;
  readonly control: CursorControl;
  /** Gets what is in sight. */
  readonly range: Signal<CellRange | null>;
  /** Take the focus as soon as there is something to look at. */
  readonly takeFocus: boolean;
}

/** The map of one level of a mapping. */
export function Heatmap(props: HeatmapProps): JSX.Element {
  const { picture, canvas, selected, control, range, takeFocus } = props;
  const { geometry } = picture;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<HTMLDivElement>(null);
  const panel = usePanel(props, box, canvas, plot);
  const focused = useSignal(false);
  const first = selected?.first ?? null;
  useLayoutEffect(() => {
    const now = panel?.range() ?? null;
    const before = range.peek();
    if (now === null || before === null || !sameRange(now, before)) range.value = now;
  });
  useEffect(() => {
    if (panel === null) return;
    if (selected !== null) {
      const [place] = spanRanges(geometry, { first: selected.first, count: 1 });
      if (place && overlap(place, panel.range()) === null) {
        panel.show(rangeAround(geometry, selected));
      }
    }
    if (selected !== null || takeFocus) canvas.current?.focus({ preventScroll: true });
    // Another object of the same cells is no new selection.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [panel, geometry, first]);
  return (
    <div ref={box} class="heatmap" style={{ height: `${heightOf(panel)}px` }} {...control.handlers}>
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
      {panel && selected && <SelectedEntries panel={panel} entries={selected} />}
      <CursorLayer {...props} panel={panel} focused={focused} />
    </div>
  );
}

/** Ring, facts and words of the cursor: alone in being drawn anew as it moves. */
function CursorLayer(props: {
  readonly store: Store;
  readonly picture: Picture;
  readonly panel: HeatmapPanel | null;
  readonly looking: Looking;
  readonly control: CursorControl;
  readonly focused: Signal<boolean>;
}): JSX.Element {
  const { store, picture, panel, looking } = props;
  const cursor = props.control.cursor.value;
  // The facts of the entry follow the cells, and its age the time.
  store.followCells();
  const nowMs = cursor === null ? 0 : store.nowMs.value;
  const shown = cursor !== null && (cursor.by === "pointer" || props.focused.value);
  return (
    <>
      {panel && shown && (
        <>
          <Ring place={ringPlace(panel, picture, cursor.entry)} name="cell-ring" />
          <CellTooltip {...{ panel, picture, looking, nowMs }} entry={cursor.entry} />
        </>
      )}
      <p class="unseen" aria-live="polite" data-testid="cell-live">
        {shown && cursor.by === "keyboard" && spoken(picture, cursor.entry, looking.sight)}
      </p>
    </>
  );
}

/** Around all that is drawn as one with this entry. */
function ringPlace(
  panel: HeatmapPanel,
  picture: Picture,
  entry: { readonly row: number; readonly column: number },
): Place {
  const { geometry } = picture;
  const number = cellAt(geometry, entry.row, entry.column);
  const [range] = number === null ? [] : spanRanges(geometry, picture.itemSpan(number));
  return range ? placeOfRange(panel, range) : panel.placeOf(entry.row, entry.column);
}

function placeOfRange(panel: HeatmapPanel, { x0, x1, y0, y1 }: CellRange): Place {
  const one = panel.placeOf(y0, x0);
  return { ...one, width: one.width * (x1 - x0), height: one.height * (y1 - y0) };
}

function heightOf(panel: HeatmapPanel | null): number {
  if (panel === null) return HEIGHT_BEFORE_PLAN_PX;
  const { height, margins } = panel.plan;
  return height + margins.top + margins.bottom;
}

/** A frame around what of the selected entries is in sight. */
function SelectedEntries(props: {
  readonly panel: HeatmapPanel;
  readonly entries: CellSpan;
}): JSX.Element {
  const { panel, entries } = props;
  const seen = panel.range();
  return (
    <>
      {spanRanges(panel.picture.geometry, entries).map((range) => {
        const shown = overlap(range, seen);
        return (
          shown && <Ring key={range.y0} place={placeOfRange(panel, shown)} name="selected-cells" />
        );
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
