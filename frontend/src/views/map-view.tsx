/** The picture of a mapping. What acts on it and explains it is a part of its own, which comes right after. */
import { useSignal, type Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { CellRange } from "../lib/geometry";
import type { Picture } from "../state/picture";
import type { MapRoute } from "../state/route";
import type { Store } from "../state/store";
import type { HostSummary } from "../wire/types";
import { Heatmap } from "./heatmap";
import type { HeatmapPanel } from "./heatmap-panel";
import type { KeyDesk } from "./key-desk";
import type { MapActions, Wishes } from "./map-actions";
import { controlsPart } from "./map-parts";
import type { DragMode } from "./plot-axes";

export interface MapViewProps {
  readonly store: Store;
  readonly picture: Picture;
  readonly host: HostSummary | null;
  readonly route: MapRoute;
  readonly desk: KeyDesk;
  readonly dragMode: DragMode;
  readonly setDragMode: (mode: DragMode) => void;
}

/** What the controls are of. */
export interface ControlsProps extends MapViewProps {
  readonly canvasId: string;
  readonly panel: HeatmapPanel | null;
  /** What is in sight. */
  readonly range: Signal<CellRange | null>;
  /** Since when this page has been looking, on its clock. */
  readonly beganMs: number;
  readonly actions: MapActions;
}

/** Made anew for each picture, that is for each level, table and page. */
export function MapView(props: MapViewProps): JSX.Element {
  const { store, picture, host, route, dragMode } = props;
  const [panel, setPanel] = useState<HeatmapPanel | null>(null);
  const [beganMs] = useState(() => store.time.paced(performance.now()));
  const range = useSignal<CellRange | null>(null);
  const focused = useSignal(false);
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const part = controlsPart();
  const actions = useActions(part, { store, picture, route, panel, canvas });
  const canvasId = "map-cells";
  const controls = actions && { ...props, canvasId, panel, range, beganMs, actions };
  const live = store.selection.value.phase === "live" && store.connection.value.phase === "live";
  const old = !live || host?.link === "gone";
  const box = old
    ? " map-box-still map-box-old"
    : store.paused.value || store.time.past.value
      ? " map-box-still"
      : "";
  return (
    <>
      <div class="map-head">{controls && part && <part.MapHead {...controls} />}</div>
      <div class={route.cells === null ? "map-and-page" : "map-and-page map-with-page"}>
        <div class={`map-box${box}`}>
          {part && <part.BeforeMap store={store} route={route} />}
          <Heatmap
            {...{ store, picture, canvas, canvasId, dragMode, range, focused }}
            label={part ? part.mapLabel(picture, host) : "cells of a mapping"}
            onPanel={setPanel}
            handlers={actions?.control.handlers}
            marks={(on) =>
              controls &&
              part && (
                <part.MapMarks
                  {...{ store, picture, actions: controls.actions, focused }}
                  panel={on}
                  looking={{ sight: host, beganMs }}
                />
              )
            }
          />
        </div>
        {controls && part && <part.MapDrawer {...controls} />}
      </div>
      {controls && part && <part.MapFoot {...controls} />}
    </>
  );
}

/** One for each picture, with what there is now. */
function useActions(part: ReturnType<typeof controlsPart>, wishes: Wishes): MapActions | null {
  // It is handed everything but its part each time.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const actions = useMemo(() => part && new part.MapActions(wishes), [part]);
  actions?.use(wishes);
  return actions;
}
