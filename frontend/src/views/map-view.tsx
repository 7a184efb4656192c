/** The picture of a mapping with everything around it: tools, legend, minimap, drawer. */
import { useSignal, type Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { integer } from "../lib/format";
import type { CellRange } from "../lib/geometry";
import { processTitle } from "../lib/process-title";
import type { Picture } from "../state/picture";
import type { MapRoute } from "../state/route";
import type { Store } from "../state/store";
import type { HostSummary, MappingInfo } from "../wire/types";
import { Heatmap } from "./heatmap";
import type { HeatmapPanel } from "./heatmap-panel";
import { Legend } from "./legend";
import { LimitNote } from "./limit-note";
import { MapToolbar } from "./map-toolbar";
import { Minimap } from "./minimap";
import { PartsHeading } from "./parts-heading";
import { dialogsPart, exportPart, extentsPart, pagePart } from "./parts";
import type { DragMode } from "./plot-axes";
import { SkipToExtents } from "./skip-to-extents";
import { useMapActions, type MapActions, type OpenDialog } from "./use-map-actions";

const CANVAS_ID = "map-cells";

export interface MapViewProps {
  readonly store: Store;
  readonly picture: Picture;
  readonly host: HostSummary | null;
  readonly route: MapRoute;
  readonly dragMode: DragMode;
  readonly setDragMode: (mode: DragMode) => void;
}

/** Made anew for each picture, that is for each level, table and page. */
export function MapView(props: MapViewProps): JSX.Element {
  const { store, picture, host, route, dragMode } = props;
  const [panel, setPanel] = useState<HeatmapPanel | null>(null);
  const [open, setOpen] = useState<OpenDialog | null>(null);
  const [beganMs] = useState(() => performance.now());
  const range = useSignal<CellRange | null>(null);
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const actions = useMapActions({ store, picture, route, panel, canvas, setOpen });
  const { selected } = actions;
  const live = store.selection.value.phase === "live" && store.connection.value.phase === "live";
  const still = !live || store.paused.value || host?.link === "gone";
  return (
    <>
      <MapHead {...props} {...{ panel, range, actions }} />
      <div class={route.cells === null ? "map-and-page" : "map-and-page map-with-page"}>
        <div class={still ? "map-box map-box-old" : "map-box"}>
          {store.paused.value && <PausedMark store={store} />}
          <SkipToExtents route={route} />
          <Heatmap
            {...{ store, picture, canvas, dragMode, selected, range }}
            looking={{ sight: host, beganMs }}
            canvasId={CANVAS_ID}
            label={labelOf(picture, host)}
            onPanel={setPanel}
            control={actions.control}
            takeFocus={actions.takeFocus}
          />
        </div>
        <Drawer {...props} beganMs={beganMs} actions={actions} />
      </div>
      <p class="keys" id="map-keys">
        <span data-testid="map-said" role="status">
          {actions.said.value}
        </span>{" "}
        Arrow keys move over the cells, Enter selects, once more looks inside, Esc goes back,{" "}
        <kbd>?</kbd> shows all keys.
      </p>
      <Beside {...props} actions={actions} />
      <Dialogs
        {...props}
        open={open}
        close={() => {
          setOpen(null);
        }}
        goTo={actions.goToCell}
      />
    </>
  );
}

interface WithActions {
  readonly actions: MapActions;
}

/** Tools, legend and the whole, small. */
function MapHead(
  props: MapViewProps &
    WithActions & {
      readonly panel: HeatmapPanel | null;
      readonly range: Signal<CellRange | null>;
    },
): JSX.Element {
  const { store, picture, host, route, panel, range, actions } = props;
  return (
    <div class="map-head">
      <div class="map-words">
        <MapToolbar {...props} {...actions} />
        {picture.level.kind === "parts" && <PartsHeading store={store} picture={picture} />}
        <Legend
          store={store}
          picture={picture}
          shown={route.show}
          choose={(show) => {
            actions.change({ show });
          }}
        />
        {host && <LimitNote host={host} color={picture.mode} />}
      </div>
      {panel && <Minimap {...{ store, picture, host, panel, range }} controls={CANVAS_ID} />}
    </div>
  );
}

function PausedMark({ store }: { readonly store: Store }): JSX.Element {
  return (
    <p class="paused" role="status" data-testid="paused">
      <b>paused</b> the map stands still{" "}
      <button
        type="button"
        onClick={() => {
          store.pause(false);
        }}
      >
        resume
      </button>
    </p>
  );
}

/** What the canvas shows, for those who do not see it. */
function labelOf(picture: Picture, host: HostSummary | null): string {
  const { geometry, level, page, mode, address: at } = picture;
  const process = host?.processes.find(({ pid }) => pid === at.pid);
  const whose = process ? `${processTitle(process)}: ` : "";
  const count = integer(geometry.cellCount);
  switch (level.kind) {
    case "tables":
      return `${whose}${count} page tables, coloured by ${mode}`;
    case "cells": {
      const rows = integer(picture.limits.y1 - picture.limits.y0);
      const cells =
        picture.table === null
          ? `${count} cells in ${rows} page tables`
          : `page table ${picture.table}`;
      return `${whose}${cells}, coloured by ${mode}`;
    }
    case "parts":
      return `${whose}${count} entries inside cell ${page?.cell ?? 0}`;
  }
}

function Drawer(
  props: MapViewProps & WithActions & { readonly beganMs: number },
): JSX.Element | null {
  const { store, picture, host, route, beganMs, actions } = props;
  const { cells } = route;
  if (cells === null || cells.first >= picture.info.cell_count) return null;
  const part = pagePart();
  return (
    part && (
      <part.PagePanel
        key={`${cells.first}/${cells.count}`}
        {...{ store, picture, host, cells, beganMs }}
        picked={actions.pickedPart}
        drill={actions.drillSelected}
        inside={actions.inside}
        close={actions.back}
      />
    )
  );
}

/** The list of extents, while it is asked for. */
function Beside(props: MapViewProps & WithActions): JSX.Element | null {
  const { store, picture, host, route, actions } = props;
  const part = route.panel === "extents" ? extentsPart() : null;
  const close = (): void => {
    actions.change({ panel: null });
  };
  return part && <part.ExtentsPanel {...{ store, picture, host, route, close }} />;
}

function Dialogs(
  props: MapViewProps & {
    readonly open: OpenDialog | null;
    readonly close: () => void;
    readonly goTo: (mapping: MappingInfo, cell: number) => void;
  },
): JSX.Element | null {
  const { store, picture, host, route, open, close, goTo } = props;
  if (open === null) return null;
  if (open === "export") {
    const part = host && exportPart();
    return part && <part.ExportDialog {...{ store, picture, host, route, close }} />;
  }
  const part = dialogsPart();
  if (part === null) return null;
  if (open === "help") return <part.HelpDialog close={close} />;
  const process = host?.processes.find(({ pid }) => pid === picture.address.pid);
  return (
    <part.GoToDialog
      here={picture.info}
      mappings={process?.mappings ?? []}
      close={close}
      go={goTo}
    />
  );
}
