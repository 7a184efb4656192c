import { describe, expect, it } from "vitest";
import { paintsOf, shownPaints, type ColorMode } from "../lib/palette";
import { CellState, SEVERAL_NODES, UNKNOWN_AGE } from "../wire/generated";
import { GroupItems } from "./groups";
import { NEVER } from "./items";
import { sampleFrame, sampleGroups, type SampleGroup } from "./samples";

const TWO_MIB = 2 * 2 ** 20;

function groups(
  count: number,
  shift: 3 | 6 | 9,
  startCell: number,
  first = 0,
  tables = false,
): GroupItems {
  const view = { first, count, shift };
  return new GroupItems(view, TWO_MIB, startCell * TWO_MIB, tables);
}

function keyOf(mode: ColorMode, group: SampleGroup, shown: string[] | null = null): string {
  const items = groups(512, 9, 0);
  items.apply(sampleFrame([], [sampleGroups(9, 0, [group], UNKNOWN_AGE)]), 7, 10);
  const paint = items.paint(mode, 0, shownPaints(mode, shown, TWO_MIB), 10);
  return paintsOf(mode, "light", TWO_MIB, 9)[paint]?.key ?? "none";
}

describe("where groups lie", () => {
  it.each([
    ["aligned", 1024, 3, 0, 0, { perRow: 64, first: 0, count: 128, firstRow: 0, rows: 2 }],
    ["not aligned", 1024, 3, 509, 0, { perRow: 64, first: 63, count: 129, firstRow: 0, rows: 3 }],
    ["a stretch", 64, 6, 10, 1014, { perRow: 8, first: 16, count: 1, firstRow: 2, rows: 1 }],
    ["tables of cells", 1024, 9, 1, 0, { perRow: 1, first: 0, count: 3, firstRow: 0, rows: 3 }],
  ] as const)("%s", (_, count, shift, startCell, first, grid) => {
    expect(groups(count, shift, startCell, first).grid).toMatchObject(grid);
  });

  it("page tables are entries of their own level", () => {
    const start = 511 * 512 + 3;
    expect(groups(1024, 9, start, 0, true).grid).toMatchObject({
      perRow: 512,
      first: 511,
      count: 3,
    });
  });
});

describe("groups after a frame", () => {
  it("sum up what they count, and name what changed", () => {
    const items = groups(24, 3, 4);
    const whole = [
      { counts: { HOLE: 4 } },
      { counts: { MAPPED: 8 }, mappedPages: 8 * 512, writeProtected: 2 },
      { counts: { SPLIT: 7, POISONED: 1 }, mappedPages: 7 * 512 },
      { counts: { HOLE: 4 } },
    ];
    const frame = sampleFrame([], [sampleGroups(3, 0, whole, UNKNOWN_AGE)]);
    expect(Array.from(items.apply(frame, 7, 5))).toEqual([0, 1, 2, 3]);
    expect(items.complete).toBe(true);
    expect(items.stateCounts[CellState.HOLE]).toBe(8);
    expect(items.stateCounts[CellState.POISONED]).toBe(1);
    expect(items.presentPages).toBe(15 * 512);
    expect(items.writeProtected).toBe(2);
    expect(items.changedAt(1)).toBe(NEVER);
    const later = sampleFrame([], [sampleGroups(3, 1, [{ counts: { HOLE: 8 } }])]);
    expect(Array.from(items.apply(later, 7, 6))).toEqual([1]);
    expect(items.stateCounts[CellState.HOLE]).toBe(16);
    expect(items.presentPages).toBe(7 * 512);
    expect(items.writeProtected).toBe(0);
    expect(items.changedAt(1)).toBe(6);
  });

  it("refuse what is not of their view", () => {
    const items = groups(24, 3, 4);
    const at = (shift: number, first: number): void => {
      items.apply(sampleFrame([], [sampleGroups(shift, first, [{ counts: { HOLE: 1 } }])]), 7, 5);
    };
    expect(() => {
      at(6, 0);
    }).toThrow("outside of the view");
    expect(() => {
      at(3, 4);
    }).toThrow("outside of the view");
    expect(items.stateCounts[CellState.HOLE]).toBe(0);
  });
});

describe("what a group is painted as", () => {
  const many = { counts: { HOLE: 500, MAPPED: 12 }, mapcount: 3, node: 1 };

  it.each([
    ["a few pages among holes", many, "sparse"],
    ["a page rather than a hole", { counts: { HOLE: 256, MAPPED: 256 } }, "mapped"],
    ["poisoned before all", { counts: { MAPPED: 500, MIGRATING: 11, POISONED: 1 } }, "poisoned"],
    ["migrating before most", { counts: { MAPPED: 511, MIGRATING: 1 } }, "migrating"],
    ["partial", { counts: { PARTIAL: 300, MAPPED: 212 }, mappedPages: 300 }, "partial"],
    [
      "protected, most of it",
      { counts: { MAPPED: 9, HOLE: 3 }, writeProtected: 5 },
      "write-protected",
    ],
    ["protected, less", { counts: { MAPPED: 10 }, writeProtected: 5 }, "mapped"],
    ["protected, but holes", { counts: { MAPPED: 2, HOLE: 9 }, writeProtected: 2 }, "sparse"],
    ["shared", { counts: { MAPPED: 9 }, sharedTable: 9 }, "shared-table"],
  ])("by state: %s", (_, group, key) => {
    expect(keyOf("state", group)).toBe(key);
  });

  it("partial by how much of these cells is mapped", () => {
    const items = groups(1024, 9, 0);
    const rows = [
      { counts: { PARTIAL: 400, MAPPED: 112 }, mappedPages: 112 * 512 + 400 * 8 },
      { counts: { PARTIAL: 400, MAPPED: 112 }, mappedPages: 112 * 512 + 400 * 504 },
    ];
    items.apply(sampleFrame([], [sampleGroups(9, 0, rows)]), 7, 1);
    const [low = 0, high = 0] = [0, 1].map((item) => items.paint("state", item, null, 1));
    expect(high - low).toBe(15);
  });

  it.each([
    ["mapcount", many, "count-3"],
    ["mapcount", { counts: { MAPPED: 1 } }, "unknown"],
    ["mappers", { counts: { HOLE: 512 } }, "no-page"],
    ["node", many, "node-1"],
    ["node", { ...many, node: SEVERAL_NODES }, "node-several"],
    ["age", many, "age-never"],
    ["age", { counts: { HOLE: 512 } }, "no-page"],
    ["mapcount", { counts: { MAPPED: 511, POISONED: 1 }, mapcount: 1 }, "poisoned"],
  ] as const)("by %s", (mode, group, key) => {
    expect(keyOf(mode, group)).toBe(key);
  });

  it.each([
    ["a few that are asked for", many, ["mapped"], "mapped"],
    ["none of it", many, ["split"], "sparse"],
    ["danger", { counts: { MAPPED: 511, POISONED: 1 } }, ["mapped"], "poisoned"],
    [
      "a flag",
      { counts: { MAPPED: 511, HOLE: 1 }, writeProtected: 1 },
      ["write-protected"],
      "write-protected",
    ],
    [
      "most of several",
      { counts: { HOLE: 400, MAPPED: 5, SPLIT: 7 } },
      ["mapped", "split"],
      "split",
    ],
  ])("below a filter: %s", (_, group, shown, key) => {
    expect(keyOf("state", group, shown)).toBe(key);
  });
});
