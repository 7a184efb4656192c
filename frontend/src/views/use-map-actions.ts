/** What a map does when it is asked to: by key, by button, or by what is clicked in it. */
import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { rangeAround, type CellSpan } from "../lib/geometry";
import type { KeyAction } from "../lib/keys";
import { levelsOf } from "../lib/levels";
import { COLOR_MODES } from "../lib/palette";
import type { Picture } from "../state/picture";
import { mapHash, type MapFields, type MapRoute } from "../state/route";
import type { Store } from "../state/store";
import type { MappingInfo } from "../wire/types";
import type { HeatmapPanel } from "./heatmap-panel";
import { useCursor, type CursorControl } from "./use-cursor";
import { useKeys } from "./use-keys";

export type OpenDialog = "help" | "go-to" | "export";

interface Wishes {
  readonly store: Store;
  readonly picture: Picture;
  readonly route: MapRoute;
  readonly panel: HeatmapPanel | null;
  readonly canvas: { readonly current: HTMLCanvasElement | null };
  readonly setOpen: (dialog: OpenDialog | null) => void;
}

export interface MapActions {
  readonly control: CursorControl;
  /** Entries of the picture that are selected. */
  readonly selected: CellSpan | null;
  /** The part of a page that is picked; null on other levels. */
  readonly pickedPart: number | null;
  /** Something that was asked for and is not there. */
  readonly said: Signal<string>;
  /** Whether a key brought us here. */
  readonly takeFocus: boolean;
  /** Change what the address says of this mapping, without a step in the history. */
  readonly change: (fields: Partial<MapFields>) => void;
  readonly act: (action: KeyAction) => void;
  readonly back: () => void;
  readonly drillSelected: (() => void) | null;
  /** Look inside of a part of the selected page. */
  readonly inside: (part: number) => void;
  readonly goToCell: (mapping: MappingInfo, cell: number) => void;
}

/** The map's canvas goes with its picture; the next one's takes the focus where the last one's had it. */
let focusNext = false;

const PAN_SHARE = 0.25;
const PANS: Readonly<Record<string, readonly [columns: number, rows: number]>> = {
  w: [0, -PAN_SHARE],
  a: [-PAN_SHARE, 0],
  s: [0, PAN_SHARE],
  d: [PAN_SHARE, 0],
};

/** Handles all keys of the map while it is on screen. */
export function useMapActions(wishes: Wishes): MapActions {
  const { picture, route, panel, canvas } = wishes;
  const said = useSignal("");
  const [pickedPart, pickPart] = useState<number | null>(null);
  const [takeFocus] = useState(focusNext);
  useEffect(() => {
    focusNext = false;
  }, []);
  const inParts = picture.level.kind === "parts";
  const picked = pickedPart === null ? null : { first: pickedPart, count: 1 };
  const selected = inParts ? picked : entriesOf(picture, route.cells);
  const drill = (entry: number): void => {
    look(wishes, entry, said);
  };
  const select = ({ first, count }: CellSpan): void => {
    if (inParts) pickPart(first);
    else change(route, { cells: picture.spanOf(first, first + count - 1) });
  };
  const control = useCursor({ panel, picture, canvas, actions: { selected, drill, select } });
  const back = (): void => {
    if (inParts && picked) pickPart(null);
    else if (!inParts && route.cells) change(route, { cells: null });
    else if (control.cursor.peek()?.by === "keyboard") control.cursor.value = null;
    else up(wishes);
    canvas.current?.focus({ preventScroll: true });
  };
  const act = (action: KeyAction, key = ""): boolean => {
    said.value = "";
    return perform(action, key, { wishes, control, said, back });
  };
  useKeys(act);
  const drillable = selected && canDrill(picture, selected) ? selected.first : null;
  return {
    control,
    selected,
    pickedPart,
    said,
    takeFocus,
    act,
    back,
    change: (fields) => {
      change(route, fields);
    },
    drillSelected:
      drillable === null
        ? null
        : () => {
            drill(drillable);
          },
    inside: (part) => {
      lookIntoChunk(wishes, part);
    },
    goToCell: (mapping, cell) => {
      goToCell(wishes, mapping, cell);
    },
  };
}

/** Without a step in the history. */
function change(route: MapRoute, fields: Partial<MapFields>): void {
  window.location.replace(mapHash(route.address, { ...route, ...fields }));
}

/** To another level: with a step in the history. */
function go(route: MapRoute, fields: Partial<MapFields>): void {
  focusNext = true;
  window.location.hash = mapHash(route.address, { ...route, ...fields, range: null });
}

function up({ picture, route }: Wishes): boolean {
  const fields = picture.up(route);
  if (fields !== null) go(route, fields);
  return fields !== null;
}

/** Inside of an entry, or nearer to entries that are drawn as one. */
function look({ picture, route, panel }: Wishes, entry: number, said: Signal<string>): void {
  const item = picture.itemSpan(entry);
  if (item.count > 1) {
    panel?.show(rangeAround(picture.geometry, item));
    return;
  }
  const fields = picture.down(entry);
  if (fields !== null) go(route, fields);
  else said.value = "There is no level below this one.";
}

function lookIntoChunk({ picture, route }: Wishes, part: number): void {
  const [parts, entries] = picture.levels.filter(({ kind }) => kind === "parts");
  if (parts !== undefined && entries !== undefined) go(route, { level: entries.name, part });
}

function goToCell({ picture, route }: Wishes, mapping: MappingInfo, cell: number): void {
  const here = mapping.start === route.address.start;
  const level = levelsOf(mapping).find(({ kind }) => kind === "cells")?.name ?? null;
  const stays = here && picture.level.kind === "cells" && picture.table === null;
  focusNext = !stays;
  window.location.hash = mapHash(
    { ...route.address, start: mapping.start },
    {
      ...(here ? route : { color: route.color }),
      cells: { first: cell, count: 1 },
      ...(!stays && { level, table: null, part: null, range: null }),
    },
  );
}

function canDrill(picture: Picture, { first, count }: CellSpan): boolean {
  const item = picture.itemSpan(first);
  if (item.first !== first || item.count !== count) return false;
  return count > 1 || picture.down(first) !== null;
}

/** The entries of a picture that stand for these cells. */
function entriesOf(picture: Picture, cells: CellSpan | null): CellSpan | null {
  if (cells === null || cells.first >= picture.info.cell_count) return null;
  const first = picture.entryOf(cells.first);
  const last = Math.min(picture.info.cell_count, cells.first + cells.count) - 1;
  return { first, count: picture.entryOf(last) - first + 1 };
}

interface Means {
  readonly wishes: Wishes;
  readonly control: CursorControl;
  readonly said: Signal<string>;
  readonly back: () => void;
}

/** Does it; false: the key is the browser's. */
function perform(action: KeyAction, key: string, means: Means): boolean {
  const { wishes, control, back } = means;
  const { store, panel, route, setOpen } = wishes;
  switch (action) {
    case "move":
    case "extend":
      return control.move(key, action === "extend");
    case "enter":
      return control.enter();
    case "back":
      back();
      return true;
    case "up":
      return up(wishes);
    case "next-other":
    case "previous-other":
    case "next-changed":
      seek(action, means);
      return true;
    case "pan":
      panel?.pan(...(PANS[key] ?? [0, 0]));
      return true;
    case "zoom-in":
    case "zoom-out":
      panel?.zoom(action === "zoom-in" ? 0.5 : 2, control.cursor.peek()?.entry);
      return true;
    case "home":
      if (panel) panel.show(panel.plan.home);
      return true;
    case "minimap":
      return focusOn("[data-testid=minimap]");
    case "legend":
      return focusOn("[data-testid=legend] button");
    case "color": {
      const color = COLOR_MODES[Number(key) - 1];
      if (color !== undefined && color !== route.color) change(route, { color, show: null });
      return true;
    }
    case "extents":
      change(route, { panel: route.panel === "extents" ? null : "extents" });
      return true;
    case "pause":
      store.pause(!store.paused.peek());
      return true;
    case "go-to":
    case "export":
    case "help":
      setOpen(action);
      return true;
  }
}

function seek(action: KeyAction, { wishes, control, said }: Means): void {
  const { picture } = wishes;
  const here = control.here();
  const changed = action === "next-changed";
  const found = changed
    ? picture.nextChanged(here, performance.now())
    : picture.nextDiffering(here ?? 0, action === "next-other" ? 1 : -1);
  if (found !== null) control.goTo(found);
  else said.value = changed ? "No change was seen yet." : "No other one that way.";
}

function focusOn(selector: string): boolean {
  const element = document.querySelector<HTMLElement>(selector);
  element?.focus();
  return element !== null;
}
