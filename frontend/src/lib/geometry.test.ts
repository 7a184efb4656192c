import { describe, expect, it } from "vitest";
import {
  cellAt,
  cellOfAddress,
  clampRange,
  columnOf,
  fittingRange,
  fullRange,
  overlap,
  rangeAround,
  rangeShowing,
  rowOf,
  sameRange,
  spanRanges,
  tableAddress,
  tableGeometry,
} from "./geometry";
import { planPlot } from "./plot-plan";
import { columnTicks, rowTicks } from "./ticks";

const TWO_MIB = 2 * 2 ** 20;
const ONE_GIB = 2 ** 30;
const GUEST = tableGeometry(0x7f2a40000000 + 96 * TWO_MIB, TWO_MIB, 32_768);
const SMALL = tableGeometry(0x7f1a40000000 + 130 * TWO_MIB, TWO_MIB, 256);

describe("cells in their page tables", () => {
  it("lie at their true entry, from the first table on", () => {
    expect(GUEST).toMatchObject({ firstColumn: 96, rows: 65, tableVa: 0x7f2a40000000 });
    expect([rowOf(GUEST, 0), columnOf(GUEST, 0)]).toEqual([0, 96]);
    expect([rowOf(GUEST, 416), columnOf(GUEST, 416)]).toEqual([1, 0]);
    expect(tableAddress(GUEST, 1)).toBe(0x7f2a80000000);
  });

  it("are found by entry, and only where the mapping is", () => {
    for (const cell of [0, 1, 415, 416, 32_767]) {
      expect(cellAt(GUEST, rowOf(GUEST, cell), columnOf(GUEST, cell))).toBe(cell);
    }
    expect(cellAt(GUEST, 0, 95)).toBeNull();
    expect(cellAt(GUEST, 64, 96)).toBeNull();
    expect(cellAt(GUEST, 1, 512)).toBeNull();
    expect(cellAt(GUEST, 1, -1)).toBeNull();
  });

  it("of a mapping that fills its tables leave nothing over", () => {
    expect(tableGeometry(0, TWO_MIB, 1024)).toMatchObject({ firstColumn: 0, rows: 2 });
  });

  it("stay exact at the upper end of a 57-bit address space", () => {
    const geometry = tableGeometry(0xff_fffe_c000_0000, ONE_GIB, 2);
    expect(geometry.firstColumn).toBe(507);
    expect(tableAddress(geometry, 0).toString(16)).toBe("ffff8000000000");
  });
});

describe("ranges", () => {
  it("fit the used columns of a mapping within one table", () => {
    expect(fittingRange(SMALL)).toEqual({ x0: 128, x1: 392, y0: 0, y1: 1 });
    expect(fittingRange(tableGeometry(510 * ONE_GIB, ONE_GIB, 2))).toMatchObject({
      x0: 504,
      x1: 512,
    });
    expect(fittingRange(tableGeometry(0, ONE_GIB, 2))).toMatchObject({ x0: 0, x1: 8 });
    expect(fittingRange(GUEST)).toEqual(fullRange(GUEST));
  });

  it("move as little as shows an entry", () => {
    const range = { x0: 10, x1: 20, y0: 5, y1: 8 };
    expect(rangeShowing(range, 6, 15)).toEqual(range);
    expect(rangeShowing(range, 8, 20)).toEqual({ x0: 11, x1: 21, y0: 6, y1: 9 });
    expect(rangeShowing(range, 0, 0)).toEqual({ x0: 0, x1: 10, y0: 0, y1: 3 });
  });

  it("stay inside of the tables and do not shrink to nothing", () => {
    const outside = { x0: -50, x1: 700, y0: 60, y1: 90 };
    expect(clampRange(outside, fullRange(GUEST))).toEqual({ x0: 0, x1: 512, y0: 35, y1: 65 });
    const tiny = clampRange({ x0: 100, x1: 100.1, y0: 3, y1: 3.1 }, fullRange(GUEST));
    expect(tiny.x1 - tiny.x0).toBe(4);
    expect(clampRange({ x0: 0, x1: 512, y0: 0, y1: 0.1 }, fullRange(SMALL))).toMatchObject({
      y0: 0,
      y1: 1,
    });
    expect(sameRange(tiny, { ...tiny, x0: tiny.x0 + 1e-6 })).toBe(true);
    expect(sameRange(tiny, { ...tiny, x0: tiny.x0 + 1 })).toBe(false);
  });
});

describe("ticks", () => {
  it("name entries at powers of two and the last one", () => {
    const { positions, labels } = columnTicks(0, 512, 1024);
    expect(labels.slice(0, 3)).toEqual(["0", "32", "64"]);
    expect(labels.slice(-2)).toEqual(["480", "511"]);
    expect(positions[1]).toBe(32);
    expect(columnTicks(0, 512, 280).labels).toEqual(["0", "128", "256", "384", "511"]);
  });

  it("stand in the middle of wide cells", () => {
    expect(columnTicks(504, 512, 512).positions.at(-1)).toBe(511.5);
  });

  it("cover a span more to either side, for the length of a pan", () => {
    const { labels } = columnTicks(128, 192, 640);
    expect(Number(labels[0])).toBeLessThanOrEqual(64);
    expect(Number(labels.at(-1))).toBeGreaterThanOrEqual(252);
  });

  it("name page tables by address", () => {
    const { positions, labels } = rowTicks(GUEST, 0, 65, 1300);
    expect(labels[0]).toBe("0x7f2a40000000");
    expect(labels[1]).toBe("0x7f2a80000000");
    expect(labels).toHaveLength(65);
    expect(positions[0]).toBe(0.5);
    expect(rowTicks(GUEST, 0, 65, 325).labels[1]).toBe("0x7f2b40000000");
  });
});

describe("the plan of a plot", () => {
  it("gives cells whole pixels", () => {
    const plan = planPlot(GUEST, fullRange(GUEST), 1248, 430, 1);
    expect(plan.width).toBe(1024);
    expect(plan.height % 65).toBe(0);
    expect(planPlot(GUEST, fullRange(GUEST), 1248, 430, 1.5).width * 1.5).toBe(1536);
  });

  it("keeps few cells small and few rows tall", () => {
    const pages = tableGeometry(0, ONE_GIB, 2);
    const two = planPlot(pages, fullRange(pages), 1248, 430, 1);
    expect([two.width, two.height]).toEqual([512, 48]);
  });

  it("groups rows that do not fit", () => {
    const large = tableGeometry(0, TWO_MIB, 524_288);
    const plan = planPlot(large, fullRange(large), 1248, 430, 1);
    expect(plan.height).toBeLessThanOrEqual(430);
    expect(plan.height).toBe(342);
  });

  it("fits a narrow window", () => {
    const plan = planPlot(GUEST, fullRange(GUEST), 382, 300, 1);
    expect(plan.width + plan.margins.left + plan.margins.right).toBeLessThanOrEqual(382);
  });
});

describe("a THP mapping that starts inside a huge page", () => {
  const start = 0x7f1a40000000 + 3 * TWO_MIB - 0x5000;
  const geometry = tableGeometry(start, TWO_MIB, 4);

  it("has its first cell begin before it", () => {
    expect(geometry).toMatchObject({ firstColumn: 2, rows: 1, tableVa: 0x7f1a40000000 });
    expect(cellAt(geometry, 0, 2)).toBe(0);
  });

  it("finds the cell of an address", () => {
    expect(cellOfAddress(start, TWO_MIB, start)).toBe(0);
    expect(cellOfAddress(start, TWO_MIB, start + 0x5000)).toBe(1);
    expect(cellOfAddress(start, TWO_MIB, 0x7f1a40000000 + 5 * TWO_MIB + 1)).toBe(3);
  });

  it("goes the same way where it is aligned", () => {
    expect(cellOfAddress(0x7f2a40000000 + 96 * TWO_MIB, TWO_MIB, 0x7f2a80000000)).toBe(416);
  });
});

describe("a span of cells", () => {
  it.each([
    [{ first: 4, count: 3 }, [{ x0: 100, x1: 103, y0: 0, y1: 1 }]],
    [
      { first: 410, count: 10 },
      [
        { x0: 506, x1: 512, y0: 0, y1: 1 },
        { x0: 0, x1: 4, y0: 1, y1: 2 },
      ],
    ],
    [{ first: 416, count: 1024 }, [{ x0: 0, x1: 512, y0: 1, y1: 3 }]],
    [
      { first: 400, count: 600 },
      [
        { x0: 496, x1: 512, y0: 0, y1: 1 },
        { x0: 0, x1: 512, y0: 1, y1: 2 },
        { x0: 0, x1: 72, y0: 2, y1: 3 },
      ],
    ],
    [{ first: 32_766, count: 99 }, [{ x0: 94, x1: 96, y0: 64, y1: 65 }]],
    [{ first: 40_000, count: 1 }, []],
  ])("%o", (span, ranges) => {
    expect(spanRanges(GUEST, span)).toEqual(ranges);
  });

  it("is shown with its neighbours, inside the tables", () => {
    expect(rangeAround(GUEST, { first: 4, count: 3 })).toEqual({ x0: 84, x1: 119, y0: 0, y1: 4 });
    expect(rangeAround(GUEST, { first: 410, count: 9 })).toMatchObject({ x0: 0, x1: 512 });
  });

  it("is cut to what is in sight", () => {
    const seen = { x0: 2, x1: 8, y0: 0, y1: 4 };
    expect(overlap({ x0: 0, x1: 4, y0: 1, y1: 9 }, seen)).toEqual({ x0: 2, x1: 4, y0: 1, y1: 4 });
    expect(overlap({ x0: 8, x1: 9, y0: 0, y1: 4 }, seen)).toBeNull();
  });
});
