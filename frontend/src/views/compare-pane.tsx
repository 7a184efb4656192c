/** One side of a comparison: its map, and what is pointed at on either side. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { SideName } from "../lib/compare";
import type { CellRange } from "../lib/geometry";
import type { ComparePicture } from "../state/compare-picture";
import type { Linked } from "../state/linked";
import { Store } from "../state/store";
import { CursorControl } from "./cursor-control";
import { Heatmap } from "./heatmap";
import type { HeatmapPanel } from "./heatmap-panel";
import {
  cursorPlace,
  leading,
  ringStyle,
  roomOf,
  useHandle,
  useLinkedCursor,
  type PaneHandle,
  type PaneHandles,
} from "./linked-pane";
import type { DragMode } from "./plot-axes";

const ROOM = roomOf(180, 0.4);

/** What one side can be told to do, and what it shows. */
export interface CompareHandle extends PaneHandle {
  readonly picture: ComparePicture;
}

interface PaneProps {
  readonly side: SideName;
  readonly picture: ComparePicture;
  readonly label: string;
  readonly linked: Linked<SideName>;
  readonly dragMode: DragMode;
  readonly handles: PaneHandles<SideName, CompareHandle>;
}

/** The map of one side. */
export function ComparePane(props: PaneProps): JSX.Element {
  const { side, picture, linked } = props;
  // Nothing is sent to it: its picture is whole.
  const [store] = useState(() => new Store("#/"));
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const panel = useRef<HeatmapPanel | null>(null);
  const range = useSignal<CellRange | null>(null);
  const focused = useSignal(false);
  const control = useControl(props, panel, canvas);
  const keeper = useMemo(() => linked.keeper(side), [linked, side]);
  return (
    <section
      class="compare-pane"
      aria-label={side.toUpperCase()}
      data-testid={`pane-${side}`}
      {...leading(linked, side)}
    >
      <h2>{side.toUpperCase()}</h2>
      <div class="map-box">
        <Heatmap
          {...{ store, picture, canvas, range, focused, keeper }}
          roomOf={ROOM}
          canvasId={`compare-cells-${side}`}
          dragMode={props.dragMode}
          label={props.label}
          onPanel={(made) => {
            panel.current = made;
            linked.join(side, made);
            const now = linked.range.peek();
            if (made && now) made.show(now);
          }}
          handlers={control.handlers}
          marks={(on) => <Ring panel={on} {...{ side, linked }} />}
        />
      </div>
    </section>
  );
}

/** The cursor of this side; what it points at is pointed at on both. */
function useControl(
  { side, picture, linked, handles }: PaneProps,
  panel: { readonly current: HeatmapPanel | null },
  canvas: { readonly current: HTMLCanvasElement | null },
): CursorControl {
  const control = useMemo(() => {
    const made = new CursorControl({
      picture,
      canvas,
      // Nothing is selected here: a click puts the cursor, and a second one has nothing to look into.
      actions: { selected: null, select: () => undefined, drill: () => undefined },
      get panel() {
        return panel.current;
      },
    });
    // The picture of another moment, or of the side that was swapped: the place means the same.
    const now = linked.cursor.peek();
    if (now?.side === side) made.cursor.value = now;
    return made;
  }, [picture, canvas, panel, linked, side]);
  useHandle(handles, side, control, () => ({ control, picture, canvas: canvas.current }));
  useLinkedCursor(linked, side, control);
  return control;
}

/** Alone in being drawn anew as the cursor moves. */
function Ring(props: {
  readonly panel: HeatmapPanel;
  readonly side: SideName;
  readonly linked: Linked<SideName>;
}): JSX.Element | null {
  const place = cursorPlace(props.linked, props.panel);
  return (
    place && <div class="linked-ring" data-testid={`ring-${props.side}`} style={ringStyle(place)} />
  );
}
