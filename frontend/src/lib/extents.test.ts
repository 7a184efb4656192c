import { describe, expect, it } from "vitest";
import {
  cellsInRange,
  cellsText,
  extentParameters,
  filterOf,
  FLAGS,
  pageOffset,
  sameExtents,
  STATES,
  toggled,
} from "./extents";
import { tableGeometry } from "./geometry";

const MIB2 = 2 ** 21;
const QUERY = {
  hostId: "a",
  pid: 7,
  start: 0x7f0000000000,
  states: [],
  flags: [],
  cells: null,
  offset: 0,
};

describe("the filter in the address", () => {
  it("knows states and flags by the wire's names", () => {
    expect(STATES.slice(0, 2)).toEqual(["hole", "mapped"]);
    expect(FLAGS).toEqual(["exclusive", "write_protected", "shared_table", "inferred"]);
  });

  it("sorts words by what they are about, and leaves out what means nothing", () => {
    expect(filterOf(["poisoned", "inferred", "sight", "hole", "nonsense"])).toEqual({
      states: ["hole", "poisoned"],
      flags: ["inferred"],
      inSight: true,
    });
    expect(filterOf(null)).toEqual({ states: [], flags: [], inSight: false });
  });

  it("puts a word in and takes it out", () => {
    expect(toggled(null, "hole")).toEqual(["hole"]);
    expect(toggled(["hole"], "split")).toEqual(["hole", "split"]);
    expect(toggled(["hole", "split"], "hole")).toEqual(["split"]);
    expect(toggled(["hole"], "hole")).toBeNull();
  });
});

describe("the query", () => {
  it("asks for a page, and names only what restricts it", () => {
    expect(extentParameters(QUERY)).toEqual({
      pid: 7,
      start: "0x7f0000000000",
      offset: 0,
      limit: 40,
    });
    const wish = { states: ["hole", "split"], flags: ["inferred"], cells: { first: 3, count: 9 } };
    expect(extentParameters({ ...QUERY, ...wish })).toMatchObject({
      state: "hole,split",
      flag: "inferred",
      first: 3,
      count: 9,
    });
  });

  it("is another one when anything differs", () => {
    expect(sameExtents(QUERY, { ...QUERY })).toBe(true);
    expect(sameExtents(QUERY, { ...QUERY, offset: 40 })).toBe(false);
    expect(sameExtents(QUERY, { ...QUERY, hostId: "b" })).toBe(false);
  });
});

describe("cells in sight", () => {
  const geometry = tableGeometry(510 * MIB2, MIB2, 1024);

  it.each([
    ["everything", { x0: 0, x1: 512, y0: 0, y1: 3 }, { first: 0, count: 1024 }],
    ["a part of one row", { x0: 10.5, x1: 20.2, y0: 1.2, y1: 1.8 }, { first: 12, count: 11 }],
    ["rows and all between", { x0: 0, x1: 1, y0: 1, y1: 3 }, { first: 2, count: 513 }],
    [
      "what lies before the mapping is no cell",
      { x0: 0, x1: 511, y0: 0, y1: 1 },
      { first: 0, count: 1 },
    ],
  ])("%s", (_, range, cells) => {
    expect(cellsInRange(geometry, range)).toEqual(cells);
  });

  it("none", () => {
    expect(cellsInRange(geometry, { x0: 0, x1: 500, y0: 0, y1: 1 })).toBeNull();
  });
});

it("writes cells", () => {
  expect([cellsText(5, 1), cellsText(0, 64)]).toEqual(["5", "0–63"]);
});

it("pages within what there is", () => {
  expect(pageOffset(0, -1, 100)).toBe(0);
  expect(pageOffset(0, 1, 100)).toBe(40);
  expect(pageOffset(80, 1, 100)).toBe(80);
  expect(pageOffset(0, Infinity, 100)).toBe(80);
  expect(pageOffset(80, 0, 3)).toBe(0);
  expect(pageOffset(0, 1, 0)).toBe(0);
});
