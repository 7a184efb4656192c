import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Entry } from "../lib/cursor";
import { ENTRIES, type CellRange, type CellSpan } from "../lib/geometry";
import { levelsOf } from "../lib/levels";
import * as coarse from "../state/coarse";
import { Picture } from "../state/picture";
import { mapHash, parseRoute, type MapFields, type MapRoute } from "../state/route";
import {
  SAMPLE_ADDRESS,
  sampleCells,
  sampleFrame,
  sampleGroups,
  sampleMapping,
} from "../state/samples";
import { Store } from "../state/store";
import { CellState, UNKNOWN_AGE } from "../wire/generated";
import type { HeatmapPanel } from "./heatmap-panel";
import { MapActions } from "./map-actions";

const TWO_MIB = 2 * 2 ** 20;
const ROWS = 8;
const CELLS = ROWS * ENTRIES;
const INFO = sampleMapping({
  start: SAMPLE_ADDRESS.start,
  end: SAMPLE_ADDRESS.start + CELLS * TWO_MIB,
  cell_count: CELLS,
});
const ALL: CellRange = { x0: 0, x1: ENTRIES, y0: 0, y1: ROWS };

function made(shift: 0 | 3, { first, count }: CellSpan = { first: 0, count: CELLS }): Picture {
  const [level] = levelsOf(INFO).filter(({ kind }) => kind === "cells");
  if (level === undefined) throw new Error("no level of cells");
  const picture = new Picture(SAMPLE_ADDRESS, INFO, { level, table: null, page: null }, "state");
  picture.expect({ first, count, shift }, coarse);
  const states = Array.from({ length: count }, () => CellState.HOLE);
  const groups = Array.from({ length: count >> shift }, () => ({ counts: { HOLE: 8 } }));
  picture.apply(
    shift === 0
      ? sampleFrame([sampleCells(first, states, UNKNOWN_AGE)])
      : sampleFrame([], [sampleGroups(shift, first, groups)]),
    1000,
  );
  return picture;
}

function actionsOn(
  picture: Picture,
  fields: Partial<MapFields> = {},
  range = ALL,
): { readonly actions: MapActions; readonly zoom: ReturnType<typeof vi.fn> } {
  const zoom = vi.fn();
  const route = parseRoute(mapHash(SAMPLE_ADDRESS, fields)) as MapRoute;
  const panel = { zoom, range: () => range, reveal: vi.fn(), pixels: 1000 };
  const actions = new MapActions({
    store: new Store(""),
    picture,
    route,
    panel: panel as unknown as HeatmapPanel,
    canvas: { current: null },
  });
  return { actions, zoom };
}

function went(): MapRoute {
  return parseRoute(window.location.hash) as MapRoute;
}

beforeEach(() => {
  vi.stubGlobal("window", { location: { hash: "" } });
  vi.stubGlobal("document", { querySelector: () => null });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("a search that finds nothing", () => {
  it.each([
    ["next-other", "No other one that way."],
    ["previous-other", "No other one that way."],
    ["next-changed", "No change was seen yet."],
  ] as const)("says so: %s", (action, words) => {
    const { actions } = actionsOn(made(0));
    expect(actions.act(action)).toBe(true);
    expect(actions.said.value).toBe(words);
  });

  it.each([
    ["next-other", "No other one that way in the part that is loaded."],
    ["next-changed", "No change was seen yet in the part that is loaded."],
  ] as const)("says of what, where not all is loaded: %s", (action, words) => {
    const { actions } = actionsOn(made(0, { first: 0, count: ENTRIES }));
    actions.act(action);
    expect(actions.said.value).toBe(words);
  });
});

describe("zooming", () => {
  it("keeps the cursor, else what is selected, in its place", () => {
    const { actions, zoom } = actionsOn(made(0), { cells: { first: 1030, count: 1 } });
    actions.act("zoom-in");
    expect(zoom).toHaveBeenLastCalledWith(0.5, place(1030));
    actions.control.cursor.value = { entry: { row: 1, column: 2 }, by: "keyboard" };
    actions.act("zoom-out");
    expect(zoom).toHaveBeenLastCalledWith(2, { row: 1, column: 2 });
  });

  it("keeps the middle while the selection is out of sight", () => {
    const cells = { first: 5 * ENTRIES, count: 1 };
    const { actions, zoom } = actionsOn(made(0), { cells }, { ...ALL, y1: 2 });
    actions.act("zoom-in");
    expect(zoom).toHaveBeenLastCalledWith(0.5, undefined);
  });
});

describe("going to a cell", () => {
  it("goes so near that a cell that is shown with others is drawn by itself", () => {
    const { actions } = actionsOn(made(3));
    actions.goToCell(INFO, 1030);
    const { cells, range } = went();
    const { row } = place(1030);
    expect(cells).toEqual({ first: 1030, count: 1 });
    expect(range).toMatchObject({ y0: Math.max(0, row - 3), y1: row + 4 });
  });

  it("leaves the range of single cells", () => {
    const { actions } = actionsOn(made(0));
    actions.goToCell(INFO, 1030);
    expect(went().range).toBeNull();
  });

  it("goes near in another mapping that has more cells than there are pixels", () => {
    const { actions } = actionsOn(made(0));
    const start = INFO.start + 2 ** 40;
    actions.goToCell({ ...INFO, id: 2, start, end: start + CELLS * TWO_MIB }, 1030);
    expect(went()).toMatchObject({ address: { start }, level: "pmd" });
    expect(went().range).not.toBeNull();
  });
});

describe("what is selected", () => {
  it("is looked into although it is shown with others", () => {
    const { actions } = actionsOn(made(3), { cells: { first: 5, count: 1 } });
    actions.drillSelected?.();
    expect(went()).toMatchObject({ level: "pte", cells: { first: 5, count: 1 } });
  });

  it("is nothing to look into where it is some of several", () => {
    const { actions } = actionsOn(made(3), { cells: { first: 5, count: 2 } });
    expect(actions.drillSelected).toBeNull();
  });
});

it("starts from what was asked for before, though the page does not show it yet", () => {
  const location = { hash: "", replace: (hash: string) => (location.hash = hash) };
  vi.stubGlobal("window", { location });
  const { actions } = actionsOn(made(0));
  actions.act("extents");
  actions.act("color", "2");
  expect(went()).toMatchObject({ panel: "extents", color: "mapcount" });
  actions.act("extents");
  actions.act("color", "1");
  expect(went()).toMatchObject({ panel: null, color: "state" });
});

it("says that there is no minimap", () => {
  const { actions } = actionsOn(made(0));
  expect(actions.act("minimap")).toBe(true);
  expect(actions.said.value).toBe("There is no minimap: all of the map is in sight.");
});

function place(cell: number): Entry {
  const at = Math.floor(INFO.start / TWO_MIB) % ENTRIES;
  return { row: Math.floor((cell + at) / ENTRIES), column: (cell + at) % ENTRIES };
}
