import { describe, expect, it } from "vitest";
import { levelsOf, type LevelName } from "../lib/levels";
import { UNKNOWN } from "../lib/palette";
import { CellState, UNKNOWN_AGE } from "../wire/generated";
import type { MappingInfo, PageDetail, PartRun } from "../wire/types";
import * as coarse from "./coarse";
import { factsOf } from "./item-facts";
import { legendLines, legendUnit } from "./legend";
import { Picture, type Place } from "./picture";
import { SAMPLE_ADDRESS, sampleCells, sampleFrame, sampleGroups, sampleMapping } from "./samples";
import { nextChanged, nextDiffering } from "./search";

const TWO_MIB = 2 * 2 ** 20;
const { HOLE, MAPPED, POISONED } = CellState;
/** 1,030 cells from column 500 of the last table of a PUD table on. */
const START = 511 * 2 ** 30 + 500 * TWO_MIB;
const INFO: MappingInfo = sampleMapping({
  start: START,
  end: START + 1030 * TWO_MIB,
  cell_count: 1030,
});

function picture(name: LevelName, change: Partial<Place> = {}, info = INFO): Picture {
  const level = levelsOf(info).find((one) => one.name === name);
  if (level === undefined) throw new Error(`no level ${name}`);
  return new Picture(SAMPLE_ADDRESS, info, { level, table: null, page: null, ...change }, "state");
}

function withCells(first = 0, count = 1030): Picture {
  const made = picture("pmd");
  made.expect({ first, count, shift: 0 });
  const states = Array.from({ length: count }, (_, at) =>
    (at + first) % 100 === 7 ? MAPPED : HOLE,
  );
  made.apply(sampleFrame([sampleCells(first, states, UNKNOWN_AGE)]), 1000);
  return made;
}

describe("a picture of cells", () => {
  it("has entries that are cells", () => {
    const made = withCells();
    expect(made.geometry).toMatchObject({ firstColumn: 500, rows: 3, cellCount: 1030 });
    expect([made.entryOf(77), made.cellsOf(77), made.itemSpan(77)]).toEqual([
      77,
      { first: 77, count: 1 },
      { first: 77, count: 1 },
    ]);
    expect(made.whole && made.complete).toBe(true);
    expect(factsOf(made, 7)).toMatchObject({ kind: "cell", state: MAPPED, changedAgoS: null });
    expect(legendLines(made, made.paints("light")).map(({ key, count }) => [key, count])).toEqual([
      ["mapped", 11],
      ["hole", 1019],
    ]);
  });

  it("does not show groups where cells were asked for since", () => {
    const made = picture("pmd", { table: 1 });
    made.expect({ first: 0, count: 1030, shift: 9 }, coarse, 0);
    const holes = [12, 512, 506].map((HOLE) => ({ counts: { HOLE } }));
    made.apply(sampleFrame([], [sampleGroups(9, 0, holes, UNKNOWN_AGE)]), 1000);
    expect([made.complete, made.itemSpan(12)]).toEqual([false, { first: 12, count: 1 }]);
    made.expect({ first: 12, count: 512, shift: 0 }, coarse, 0);
    const states = Array.from({ length: 512 }, () => HOLE);
    made.apply(sampleFrame([sampleCells(12, states, UNKNOWN_AGE)]), 1000);
    expect(made.complete).toBe(true);
  });

  it("shows what it had until more came", () => {
    const made = withCells();
    const heard: (number | null)[] = [];
    made.listen((changed) => heard.push(changed?.length ?? null));
    made.expect({ first: 12, count: 512, shift: 0 });
    expect(made.whole).toBe(true);
    made.apply(sampleFrame([sampleCells(12, Array<number>(512).fill(MAPPED), 30)]), 2000);
    expect(made.whole).toBe(false);
    expect(made.loaded).toEqual({ first: 12, count: 512, shift: 0 });
    expect(factsOf(made, 11)).toBeNull();
    expect(factsOf(made, 12, 3000)).toMatchObject({ state: MAPPED, changedAgoS: 4 });
    expect([made.paintAt(0, 511), made.paintAt(0, 499), made.paintAt(1, 0)]).toEqual([-2, -1, 1]);
    expect(heard).toEqual([null]);
  });

  it("goes on with the same view against what was there", () => {
    const made = withCells();
    made.expect({ first: 0, count: 1030, shift: 0 });
    const heard: (number | null)[] = [];
    made.listen((changed) => heard.push(changed?.length ?? null));
    made.apply(sampleFrame([sampleCells(0, Array<number>(1030).fill(HOLE), 5)]), 2000);
    expect(heard).toEqual([11]);
  });

  it("finds what differs and what changed", () => {
    const made = withCells();
    expect([
      nextDiffering(made, 0, 1),
      nextDiffering(made, 8, -1),
      nextDiffering(made, 7, 1),
    ]).toEqual([7, 7, 8]);
    expect(nextDiffering(made, 5, -1)).toBeNull();
    expect(nextChanged(made, null, 1500)).toBeNull();
    made.apply(sampleFrame([sampleCells([3, 900], [MAPPED, MAPPED])]), 2000);
    made.apply(sampleFrame([sampleCells([20], [MAPPED])]), 30_000);
    expect([nextChanged(made, null, 5000), nextChanged(made, 3, 5000)]).toEqual([3, 20]);
    expect([nextChanged(made, 20, 31_000), nextChanged(made, 20, 90_000)]).toEqual([20, 20]);
  });
});

describe("a picture of one table", () => {
  it("is one row of the same axes, and begins with what was loaded", () => {
    const all = withCells();
    const made = picture("pmd", { table: 1 });
    made.inherit(all);
    expect(made.limits).toEqual({ x0: 0, x1: 512, y0: 1, y1: 2 });
    expect(factsOf(made, 107)).toMatchObject({ state: MAPPED });
    expect(made.up({ level: "pmd", table: 1, cells: null, part: null })).toEqual({
      level: "pud",
      table: null,
      cells: { first: 12, count: 512 },
    });
  });
});

describe("a picture of tables", () => {
  it("has a page table an entry", () => {
    const made = picture("pud");
    expect(made.geometry).toMatchObject({
      pageSize: 2 ** 30,
      firstColumn: 511,
      cellCount: 3,
      rows: 2,
    });
    made.expect({ first: 0, count: 1030, shift: 9 }, coarse);
    const groups = [
      { counts: { HOLE: 12 } },
      { counts: { MAPPED: 511, POISONED: 1 }, mappedPages: 511 * 512 },
      { counts: { MAPPED: 506 }, mappedPages: 506 * 512 },
    ];
    made.apply(sampleFrame([], [sampleGroups(9, 0, groups, UNKNOWN_AGE)]), 1000);
    expect(factsOf(made, 1)).toMatchObject({ kind: "group", cells: { first: 12, count: 512 } });
    expect([made.entryOf(11), made.entryOf(12), made.entryOf(1029)]).toEqual([0, 1, 2]);
    expect(made.cellsOf(2)).toEqual({ first: 524, count: 506 });
    expect(made.spanOf(2, 1)).toEqual({ first: 12, count: 1018 });
    expect(made.paintAt(1, 0)).toBe(255);
    expect(legendLines(made, made.paints("dark")).find(({ key }) => key === "mapped")?.count).toBe(
      1017,
    );
    expect(made.stateCounts[POISONED]).toBe(1);
    expect(made.down(1)).toEqual({ level: "pmd", table: 1, cells: null, part: null });
  });

  it("takes no answer that is not of tables", () => {
    const made = picture("pud");
    made.expect({ first: 0, count: 1030, shift: 0 });
    made.apply(sampleFrame([sampleCells(0, Array<number>(1030).fill(HOLE))]), 1000);
    expect(made.complete).toBe(false);
  });
});

describe("a coarse picture", () => {
  it("shows several entries as one", () => {
    const made = picture("pmd");
    made.expect({ first: 0, count: 1030, shift: 6 }, coarse);
    const groups = Array.from({ length: 17 }, (_, at) => ({
      counts: { HOLE: at === 0 ? 12 : at === 16 ? 58 : 64 },
    }));
    const first = 500 >> 6;
    made.apply(sampleFrame([], [sampleGroups(6, first, groups, 10)]), 1000);
    expect(made.complete).toBe(true);
    expect(made.itemSpan(0)).toEqual({ first: 0, count: 12 });
    expect(made.itemSpan(80)).toEqual({ first: 76, count: 64 });
    expect(factsOf(made, 80, 3000)).toMatchObject({
      cells: { first: 76, count: 64 },
      changedAgoS: 3,
    });
    expect(made.recordOf(3)).toBeNull();
    expect(legendUnit(made)).toBe("cells");
    made.colorBy("mapcount");
    expect(legendUnit(made)).toBe("groups");
  });
});

describe("a picture inside of a page", () => {
  const run = (first: number, count: number, state: PartRun["state"]): PartRun => ({
    first,
    count,
    part_bytes: 4096,
    state,
    level: state === "mapped" ? "pte" : null,
    present_bytes: state === "mapped" ? 4096 : 0,
    folio_bytes: null,
    inferred: false,
  });
  const detail = (...parts: PartRun[]): PageDetail => ({ parts }) as unknown as PageDetail;

  it("is one row of what the host told, and follows its cell", () => {
    const made = picture("pte", { page: { cell: 3, part: null } });
    expect(made.geometry).toMatchObject({
      rows: 1,
      cellCount: 512,
      pageSize: 4096,
      firstColumn: 0,
    });
    expect(made.geometry.tableVa).toBe(START + 3 * TWO_MIB);
    made.expect({ first: 3, count: 1, shift: 0 });
    made.apply(sampleFrame([sampleCells(3, [CellState.PARTIAL], 0)]), 1000);
    expect([made.complete, made.recordOf(3)?.cells.state(0)]).toEqual([false, CellState.PARTIAL]);
    made.takeParts(detail(run(0, 500, "mapped"), run(500, 12, "hole")), null, 1000, coarse);
    expect([made.complete, legendUnit(made), made.presentPages]).toEqual([true, "parts", 500]);
    expect(factsOf(made, 499)).toMatchObject({ kind: "part", part: 499, level: "pte" });
    made.colorBy("node");
    expect(made.mode).toBe("state");
    const changed: number[] = [];
    made.listen((parts) => changed.push(...(parts ?? [])));
    made.takeParts(detail(run(0, 501, "mapped"), run(501, 11, "hole")), null, 2000, coarse);
    expect(changed).toEqual([500]);
    expect(
      made.up({ level: "pte", table: null, cells: { first: 3, count: 1 }, part: null }),
    ).toEqual({
      level: "pmd",
      part: null,
    });
  });

  it("shows what the host said nothing of as unknown", () => {
    const made = picture("pte", { page: { cell: 3, part: null } });
    made.takeParts(detail(run(0, 500, "mapped"), run(501, 11, "hole")), null, 1000, coarse);
    expect(made.painted?.counts[UNKNOWN]).toBe(1);
    expect(made.paints("light")[made.paintAt(0, 500)]?.key).toBe("unknown");
    expect(factsOf(made, 500)).toBeNull();
    made.takeParts(detail(run(0, 500, "mapped"), run(500, 8, "hole")), null, 2000, coarse);
    expect(made.painted?.counts[UNKNOWN]).toBe(4);
  });

  it("of 1 GiB shows its chunks, or the entries of one", () => {
    const start = 4 * 2 ** 30;
    const change = { start, end: start + 2 ** 31, page_size: 2 ** 30, cell_count: 2 };
    const info = sampleMapping(change);
    const chunks = picture("pmd", { page: { cell: 1, part: null } }, info);
    expect(chunks.geometry).toMatchObject({ pageSize: TWO_MIB, tableVa: start + 2 ** 30 });
    expect(chunks.down(5)).toEqual({ level: "pte", part: 5 });
    const entries = picture("pte", { page: { cell: 1, part: 5 } }, info);
    expect(entries.geometry).toMatchObject({
      pageSize: 4096,
      tableVa: start + 2 ** 30 + 5 * TWO_MIB,
      cellCount: 512,
    });
    entries.takeParts(detail(run(5 * 512, 512, "mapped")), null, 1000, coarse);
    expect(factsOf(entries, 511)).toMatchObject({ kind: "part", state: MAPPED });
  });
});
