import { describe, expect, it } from "vitest";
import { decodeFrame, type Block } from "../wire/frames";
import { CellState, Encoding, UNKNOWN_AGE, UNKNOWN_COUNT } from "../wire/generated";
import { frameBytes, goldenCases } from "../wire/golden";
import { columnsOf } from "./cell-columns";
import { CellItems } from "./cells";
import { NEVER } from "./items";
import { sampleCells, sampleFrame } from "./samples";

const TWO_MIB = 2 * 2 ** 20;
const { HOLE, MAPPED, SPLIT } = CellState;

function cellsOf(count: number, first = 0): CellItems {
  return new CellItems({ first, count, shift: 0 }, TWO_MIB, 0);
}

function apply(cells: CellItems, index: readonly number[], state: number, nowS = 1): number[] {
  const states = index.map(() => state);
  return Array.from(cells.apply(sampleFrame([sampleCells(index, states)]), 7, nowS));
}

function times(cells: CellItems): number[] {
  return Array.from({ length: cells.view.count }, (_, at) => cells.changedAt(at));
}

function whatOf(items: CellItems): unknown {
  const { stateCounts, presentPages } = items;
  return { columns: columnsOf(items.cells), times: times(items), stateCounts, presentPages };
}

describe("cells after a frame", () => {
  it.each(goldenCases().map((golden) => [golden.name, golden] as const))("%s", (_, golden) => {
    const view = { first: 0, count: golden.cell_count, shift: 0 } as const;
    const cells = new CellItems(view, golden.page_size, 0);
    cells.apply(decodeFrame(frameBytes(golden.frame)), golden.mapping_id, 1);
    const columns = columnsOf(cells.cells);
    const at = (column: ArrayLike<number>): (number | undefined)[] =>
      golden.index.map((cell) => column[cell]);
    expect(at(columns.mappedPages)).toEqual(golden.columns.mapped_pages);
    expect(at(columns.mapcount)).toEqual(golden.columns.mapcount);
    expect(at(columns.mappers)).toEqual(golden.columns.mappers);
    expect(at(columns.state)).toEqual(golden.columns.state);
    expect(at(columns.flags)).toEqual(golden.columns.flags);
    expect(at(columns.node)).toEqual(golden.columns.node);
    expect(cells.presentPages).toBe(columns.mappedPages.reduce((sum, pages) => sum + pages, 0));
    expect(cells.stateCounts.reduce((sum, count) => sum + count, 0)).toBe(golden.cell_count);
    expect(cells.complete).toBe(golden.index.length === golden.cell_count);
  });
});

describe("a view of cells", () => {
  it("names what changed, and only that", () => {
    const cells = cellsOf(600);
    expect(apply(cells, [3, 599], MAPPED)).toEqual([3, 599]);
    expect(apply(cells, [3, 7, 599], MAPPED)).toEqual([7]);
    expect(cells.stateCounts[MAPPED]).toBe(3);
    expect(cells.presentPages).toBe(3 * 512);
    expect(apply(cells, [3], HOLE)).toEqual([3]);
    expect(cells.presentPages).toBe(2 * 512);
  });

  it("writes nothing of a frame of which one block does not fit", () => {
    const cells = cellsOf(10);
    const blocks = [sampleCells([1], [MAPPED]), sampleCells([10], [MAPPED])];
    expect(() => cells.apply(sampleFrame(blocks), 7, 1)).toThrow("cell 10 of 10");
    expect(cells.stateCounts[HOLE]).toBe(10);
    expect(cells.cells.mapcount(1)).toBe(UNKNOWN_COUNT);
  });

  it("names more changes than were expected at first", () => {
    const all = Array.from({ length: 20_000 }, (_, at) => at);
    const cells = cellsOf(20_000);
    expect(apply(cells, all, SPLIT), "of the first frame all are new").toHaveLength(0);
    expect(apply(cells, all, MAPPED)).toHaveLength(20_000);
  });

  it("of a stretch takes cells by the mapping's numbers, and no others", () => {
    const cells = cellsOf(3, 1000);
    const whole = sampleFrame([sampleCells(1000, [HOLE, MAPPED, HOLE])]);
    cells.apply(whole, 7, 1);
    expect(cells.complete).toBe(true);
    expect(cells.cells.state(1)).toBe(MAPPED);
    expect(() => apply(cells, [999], MAPPED)).toThrow("before the view");
    expect(() => apply(cells, [1003], MAPPED)).toThrow("cell 1003 of 1003");
    expect(cells.apply(whole, 8, 1)).toHaveLength(0);
    expect(cells.grid).toMatchObject({ first: 1000, firstRow: 1, rows: 1 });
  });

  it("takes runs as it takes cells one by one, the first time and later", () => {
    const [first, later] = [
      [HOLE, HOLE, MAPPED, MAPPED, SPLIT],
      [MAPPED, MAPPED, MAPPED, HOLE, HOLE],
    ];
    const runs = (starts: readonly number[], states: readonly number[]): Block => ({
      ...sampleCells(starts, states, 20),
      encoding: Encoding.RUNS,
      first: starts[0] ?? 0,
      covered: 5,
    });
    const [inRuns, oneByOne] = [cellsOf(5, 1000), cellsOf(5, 1000)];
    inRuns.apply(sampleFrame([runs([1000, 1002, 1004], [HOLE, MAPPED, SPLIT])]), 7, 9);
    oneByOne.apply(sampleFrame([sampleCells(1000, first, 20)]), 7, 9);
    expect(inRuns).toMatchObject({ alike: Uint32Array.of(0, 2, 4), presentPages: 3 * 512 });
    expect(whatOf(inRuns)).toEqual(whatOf(oneByOne));
    const changed = inRuns.apply(sampleFrame([runs([1000, 1003], [MAPPED, HOLE])]), 7, 10);
    expect(Array.from(changed)).toEqual([0, 1, 3, 4]);
    oneByOne.apply(sampleFrame([sampleCells(1000, later, 20)]), 7, 10);
    expect(inRuns.alike).toBeNull();
    expect(whatOf(inRuns)).toEqual(whatOf(oneByOne));
  });

  it("knows when cells changed, on this page's clock", () => {
    const cells = cellsOf(2);
    cells.apply(sampleFrame([sampleCells(0, [HOLE, MAPPED], UNKNOWN_AGE)]), 7, 50);
    expect(times(cells)).toEqual([NEVER, NEVER]);
    apply(cells, [1], HOLE, 60);
    expect(times(cells)).toEqual([NEVER, 60]);
    cells.apply(sampleFrame([sampleCells(0, [HOLE, MAPPED], 25)]), 7, 70);
    expect(times(cells)).toEqual([67.5, 67.5]);
  });
});
