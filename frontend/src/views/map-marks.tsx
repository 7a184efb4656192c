/** What is marked on the map: the entries that are selected, and the one that is looked at with its facts. */
import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import {
  cellAt,
  overlap,
  rangeAround,
  spanRanges,
  type CellRange,
  type CellSpan,
} from "../lib/geometry";
import type { Picture } from "../state/picture";
import type { Store } from "../state/store";
import { CellTooltip, spoken, type Looking } from "./cell-tooltip";
import type { HeatmapPanel, Place } from "./heatmap-panel";
import type { MapActions } from "./map-actions";

const SMALLEST_RING_PX = 4;

export interface MapMarksProps {
  readonly store: Store;
  readonly picture: Picture;
  readonly panel: HeatmapPanel;
  readonly looking: Looking;
  readonly actions: MapActions;
  /** Whether the canvas has the focus. */
  readonly focused: Signal<boolean>;
}

/** Over the cells; they are brought in sight when they are selected. */
export function MapMarks(props: MapMarksProps): JSX.Element {
  const { picture, panel, actions } = props;
  const { geometry } = picture;
  const { selected } = actions;
  const first = selected?.first ?? null;
  const before = useRef(first);
  useEffect(() => {
    // Where the address says what is in sight, that is shown first.
    if (selected !== null && (panel.first === null || first !== before.current)) {
      const [place] = spanRanges(geometry, { first: selected.first, count: 1 });
      if (place && overlap(place, panel.range()) === null) {
        panel.show(rangeAround(geometry, selected));
      }
    }
    // What the address says at first is no reason to take the focus from anything.
    if (first !== null && first !== before.current) {
      actions.wishes.canvas.current?.focus({ preventScroll: true });
    }
    before.current = first;
    // Another object of the same cells is no new selection.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [panel, geometry, first]);
  return (
    <>
      {selected && <SelectedEntries panel={panel} entries={selected} />}
      <CursorLayer {...props} />
    </>
  );
}

/** Ring, facts and words of the cursor: alone in being drawn anew as it moves. */
function CursorLayer(props: MapMarksProps): JSX.Element {
  const { store, picture, panel, looking } = props;
  const cursor = props.actions.control.cursor.value;
  // The facts of the entry follow the cells, and its age the time.
  store.followCells();
  const nowMs = cursor === null ? 0 : store.time.paced(store.nowMs.value);
  const shown = cursor !== null && (cursor.by === "pointer" || props.focused.value);
  return (
    <>
      {shown && (
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
