/** What goes around the picture of a mapping: tools, legend, minimap, drawer, words and dialogs. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { integer } from "../lib/format";
import { bindingOf, typed } from "../lib/keys";
import { processTitle } from "../lib/process-title";
import type { Picture } from "../state/picture";
import { latest, type MapRoute } from "../state/route";
import type { Store } from "../state/store";
import type { HostSummary } from "../wire/types";
import { dialogsPart, exportPart, extentsPart, pagePart } from "./control-parts";
import { Legend } from "./legend";
import { LimitNote } from "./limit-note";
import { MapToolbar } from "./map-toolbar";
import type { ControlsProps } from "./map-view";
import { Minimap } from "./minimap";
import { PartsHeading } from "./parts-heading";
import { SkipToExtents } from "./skip-to-extents";

/** Tools, legend and the whole, small. Handles all keys of the map while it is on screen. */
export function MapHead(props: ControlsProps): JSX.Element {
  const { store, picture, host, route, desk, panel, range, actions } = props;
  useLayoutEffect(() => {
    const { act, typing } = actions;
    // What is pressed before there is a panel waits for it.
    desk.serve(panel && { meaning: bindingOf, act, typing, route, picture });
  });
  useLayoutEffect(
    () => () => {
      desk.serve(null);
    },
    [desk],
  );
  return (
    <>
      <div class="map-words">
        <MapToolbar
          {...props}
          selected={actions.selected}
          change={actions.change}
          act={actions.act}
        />
        {picture.level.kind === "parts" && <PartsHeading store={store} picture={picture} />}
        <Legend
          store={store}
          picture={picture}
          shown={route.show}
          choose={(next) => {
            actions.change({ show: next(latest(route).show) });
          }}
        />
        {host && <LimitNote host={host} color={picture.mode} />}
      </div>
      {panel && <Minimap {...{ store, picture, host, panel, range }} controls={props.canvasId} />}
    </>
  );
}

/** Just above the cells. */
export function BeforeMap(props: { readonly store: Store; readonly route: MapRoute }): JSX.Element {
  const { store, route } = props;
  return (
    <>
      {store.paused.value && <PausedMark store={store} />}
      <SkipToExtents route={route} />
    </>
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
export function mapLabel(picture: Picture, host: HostSummary | null): string {
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

/** What is selected, in detail. */
export function MapDrawer(props: ControlsProps): JSX.Element | null {
  const { store, picture, host, route, beganMs, actions } = props;
  const { cells } = route;
  if (cells === null || cells.first >= picture.info.cell_count) return null;
  const part = pagePart();
  return (
    part && (
      <part.PagePanel
        key={`${cells.first}/${cells.count}`}
        {...{ store, picture, host, cells, beganMs }}
        picked={actions.picked.value}
        drill={actions.drillSelected}
        inside={actions.inside}
        close={actions.back}
      />
    )
  );
}

/** Words on the keys, the list of extents while it is asked for, and dialogs. */
export function MapFoot(props: ControlsProps): JSX.Element {
  const { store, picture, host, route, actions } = props;
  const opened = route.panel === "extents";
  const extents = opened ? extentsPart() : null;
  // Where the last picture had them already, or the address that was opened, what has the focus keeps it.
  const fresh = useRef(!opened);
  fresh.current ||= !opened;
  // What had the focus went with the last picture, or with the extents.
  useLayoutEffect(() => {
    actions.takeFocus();
  }, [actions, opened]);
  return (
    <>
      <p class="keys" id="map-keys">
        <span data-testid="map-said" role="status">
          {actions.said.value}
        </span>{" "}
        Arrow keys move over the cells, Enter selects, once more looks inside, Esc goes back,{" "}
        <kbd>?</kbd> shows all keys.
      </p>
      {extents && (
        <extents.ExtentsPanel
          {...{ store, picture, host, route }}
          change={actions.change}
          fresh={fresh.current}
        />
      )}
      <Dialogs {...props} />
    </>
  );
}

function Dialogs(props: ControlsProps): JSX.Element | null {
  const { desk } = props;
  const dialog = openDialog(props);
  const opened = dialog !== null;
  useLayoutEffect(() => {
    if (opened) enter(typed(desk.takeKept()));
  }, [desk, opened]);
  return dialog;
}

/** As if it had been typed where the focus is now; lost where that takes no words. */
function enter({ text, entered }: ReturnType<typeof typed>): void {
  const field = document.activeElement;
  if (!(field instanceof HTMLInputElement)) return;
  field.value = text;
  if (entered) field.form?.requestSubmit();
}

function openDialog({ store, picture, host, route, actions }: ControlsProps): JSX.Element | null {
  const open = actions.open.value;
  const close = (): void => {
    // By the time that a dialog says so the next one may be asked for.
    if (actions.open.peek() === open) actions.open.value = null;
  };
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
      go={actions.goToCell}
    />
  );
}
