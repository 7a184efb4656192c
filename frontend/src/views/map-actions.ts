/** What a map does when it is asked to: by key, by button, or by what is clicked in it. */
import { signal, type Signal } from "@preact/signals";
import { entryAt, type Entry } from "../lib/cursor";
import { overlap, rangeAround, spanRanges, tableGeometry, type CellSpan } from "../lib/geometry";
import { PANS, type KeyAction } from "../lib/keys";
import { levelsOf } from "../lib/levels";
import { COLOR_MODES } from "../lib/palette";
import type { Picture } from "../state/picture";
import { latest, mapHash, type MapFields, type MapRoute } from "../state/route";
import { nextChanged, nextDiffering } from "../state/search";
import type { Store } from "../state/store";
import type { MappingInfo } from "../wire/types";
import { CursorControl, type CursorActions, type CursorPlace } from "./cursor-control";
import type { HeatmapPanel } from "./heatmap-panel";

export type OpenDialog = "help" | "go-to" | "export";

/** What is acted on. */
export interface Wishes {
  readonly store: Store;
  readonly picture: Picture;
  readonly route: MapRoute;
  readonly panel: HeatmapPanel | null;
  readonly canvas: { readonly current: HTMLCanvasElement | null };
}

/** What one picture does; its components hand on what there is now with each drawing. */
export class MapActions implements CursorActions {
  readonly control: CursorControl;
  /** Something that was asked for and is not there. */
  readonly said = signal("");
  /** The part of a page that is picked; null on other levels. */
  readonly picked: Signal<number | null> = signal(null);
  readonly open: Signal<OpenDialog | null> = signal(null);

  constructor(public wishes: Wishes) {
    this.control = new CursorControl(this.#place());
  }

  /** What there is now. */
  use(wishes: Wishes): void {
    this.wishes = wishes;
    this.control.place = this.#place();
  }

  /** Entries of the picture that are selected. */
  get selected(): CellSpan | null {
    const { picture, route } = this.wishes;
    if (picture.level.kind !== "parts") return entriesOf(picture, route.cells);
    const part = this.picked.value;
    return part === null ? null : { first: part, count: 1 };
  }

  readonly select = ({ first, count }: CellSpan): void => {
    const { picture } = this.wishes;
    if (picture.level.kind === "parts") this.picked.value = first;
    else this.change({ cells: picture.spanOf(first, first + count - 1) });
  };

  readonly drill = (entry: number): void => {
    look(this.wishes, entry, this.said);
  };

  /** Looks inside of what is selected; null where there is no inside. */
  get drillSelected(): (() => void) | null {
    const { selected } = this;
    const { picture, route } = this.wishes;
    if (selected === null) return null;
    const { first, count } = selected;
    // Also where it is drawn as one with others: it alone is selected.
    const fields = count === 1 ? picture.down(first) : null;
    const item = picture.itemSpan(first);
    const nearer = count > 1 && item.first === first && item.count === count;
    if (fields === null && !nearer) return null;
    return () => {
      if (fields === null) this.drill(first);
      else go(route, fields);
    };
  }

  /** The canvas takes the focus where nothing else has it. */
  readonly takeFocus = (): void => {
    const { activeElement, body } = document;
    if (activeElement !== null && activeElement !== body) return;
    this.wishes.canvas.current?.focus({ preventScroll: true });
  };

  /** Change what the address says of this mapping, without a step in the history. */
  readonly change = (fields: Partial<MapFields>): void => {
    change(this.wishes.route, fields);
  };

  /** One step back: what is selected, the cursor, then a level up. */
  readonly back = (): void => {
    const { picture, route, canvas } = this.wishes;
    const { cursor } = this.control;
    const inParts = picture.level.kind === "parts";
    if (this.open.peek() !== null) this.open.value = null;
    else if (inParts && this.picked.peek() !== null) this.picked.value = null;
    else if (!inParts && route.cells) this.change({ cells: null });
    else if (cursor.peek()?.by === "keyboard") cursor.value = null;
    else up(this.wishes);
    canvas.current?.focus({ preventScroll: true });
  };

  readonly typing = (): boolean => this.open.peek() === "go-to";

  /** Does it; false: the key is the browser's. */
  readonly act = (action: KeyAction, key = ""): boolean => {
    this.said.value = "";
    return perform(action, key, this);
  };

  /** Look inside of a part of the selected page. */
  readonly inside = (part: number): void => {
    const { picture, route } = this.wishes;
    const [parts, entries] = picture.levels.filter(({ kind }) => kind === "parts");
    if (parts !== undefined && entries !== undefined) go(route, { level: entries.name, part });
  };

  readonly goToCell = (mapping: MappingInfo, cell: number): void => {
    goToCell(this.wishes, mapping, cell);
  };

  #place(): CursorPlace {
    const { panel, picture, canvas } = this.wishes;
    return { panel, picture, canvas, actions: this };
  }
}

/** Without a step in the history. */
function change(route: MapRoute, fields: Partial<MapFields>): void {
  window.location.replace(mapHash(route.address, { ...latest(route), ...fields }));
}

/** To another level: with a step in the history. */
function go(route: MapRoute, fields: Partial<MapFields>): void {
  window.location.hash = mapHash(route.address, {
    ...latest(route),
    ...fields,
    range: null,
  });
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

function goToCell({ picture, route, panel }: Wishes, mapping: MappingInfo, cell: number): void {
  const here = mapping.start === route.address.start;
  const level = levelsOf(mapping).find(({ kind }) => kind === "cells")?.name ?? null;
  const stays = here && picture.level.kind === "cells" && picture.table === null;
  const cells = { first: cell, count: 1 };
  const together = stays
    ? (picture.loaded?.shift ?? 0) > 0
    : mapping.cell_count > (panel?.pixels ?? Infinity);
  // So near that the cell is drawn by itself.
  const geometry = tableGeometry(mapping.start, mapping.page_size, mapping.cell_count);
  const range = together ? rangeAround(geometry, cells) : null;
  window.location.hash = mapHash(
    { ...route.address, start: mapping.start },
    {
      ...(here ? route : { color: route.color }),
      cells,
      ...(!stays && { level, table: null, part: null }),
      ...((!stays || together) && { range }),
    },
  );
}

/** The entries of a picture that stand for these cells. */
function entriesOf(picture: Picture, cells: CellSpan | null): CellSpan | null {
  if (cells === null || cells.first >= picture.info.cell_count) return null;
  const first = picture.entryOf(cells.first);
  const last = Math.min(picture.info.cell_count, cells.first + cells.count) - 1;
  return { first, count: picture.entryOf(last) - first + 1 };
}

/** Does it; false: the key is the browser's. */
function perform(action: KeyAction, key: string, actions: MapActions): boolean {
  const { wishes, control } = actions;
  const { store, panel, route } = wishes;
  switch (action) {
    case "move":
    case "extend":
      return control.move(key, action === "extend");
    case "enter":
      return control.enter();
    case "back":
      actions.back();
      return true;
    case "up":
      return up(wishes);
    case "next-other":
    case "previous-other":
    case "next-changed":
      seek(action, actions);
      return true;
    case "pan":
      panel?.pan(...(PANS[key] ?? [0, 0]));
      return true;
    case "zoom-in":
    case "zoom-out":
      panel?.zoom(action === "zoom-in" ? 0.5 : 2, zoomedAround(actions));
      return true;
    case "home":
      panel?.home();
      return true;
    case "minimap":
      if (!focusOn("[data-testid=minimap]")) {
        actions.said.value = "There is no minimap: all of the map is in sight.";
      }
      return true;
    case "legend":
      return focusOn("[data-testid=legend] button");
    case "color": {
      const color = COLOR_MODES[Number(key) - 1];
      if (color !== undefined && color !== latest(route).color)
        change(route, { color, show: null });
      return true;
    }
    case "extents":
      change(route, { panel: latest(route).panel === "extents" ? null : "extents" });
      return true;
    case "pause":
      store.pause(!store.paused.peek());
      return true;
    case "go-to":
    case "export":
    case "help":
      actions.open.value = action;
      return true;
  }
}

function seek(action: KeyAction, { wishes, control, said }: MapActions): void {
  const { picture } = wishes;
  const here = control.here();
  const changed = action === "next-changed";
  const found = changed
    ? nextChanged(picture, here, wishes.store.time.paced(performance.now()))
    : nextDiffering(picture, here ?? 0, action === "next-other" ? 1 : -1);
  if (found !== null) control.goTo(found);
  else said.value = notFound(changed, picture.whole);
}

/** Words where a search found nothing; only what is loaded was searched. */
export function notFound(changed: boolean, whole: boolean): string {
  const words = changed ? "No change was seen yet" : "No other one that way";
  return `${words}${whole ? "" : " in the part that is loaded"}.`;
}

/** What zooming keeps in its place: the cursor, else what is selected and in sight; undefined: the middle. */
function zoomedAround({ wishes, control, selected }: MapActions): Entry | undefined {
  const { picture, panel } = wishes;
  const cursor = control.cursor.peek();
  if (cursor !== null || selected === null || panel === null) return cursor?.entry;
  const { geometry } = picture;
  const [place] = spanRanges(geometry, { first: selected.first, count: 1 });
  return place && overlap(place, panel.range()) ? entryAt(geometry, selected.first) : undefined;
}

function focusOn(selector: string): boolean {
  const element = document.querySelector<HTMLElement>(selector);
  element?.focus();
  return element !== null;
}
