import { describe, expect, it } from "vitest";
import { fullRange, tableGeometry, type CellRange } from "./geometry";
import { levelsOf } from "./levels";
import { cellsOfRows, cellsWanted, suitingLevel, type Stretch } from "./view-choice";

const TWO_MIB = 2 * 2 ** 20;
const PLOT = { width: 1024, height: 580 };

interface Mapping {
  readonly start: number;
  readonly page_size: number;
  readonly cell_count: number;
}

function mapping(cell_count: number, column = 0): Mapping {
  return { start: column * TWO_MIB, page_size: TWO_MIB, cell_count };
}

function wanted(of: Mapping, seen: CellRange | null, loaded: Stretch | null = null): Stretch {
  const limits = fullRange(tableGeometry(of.start, of.page_size, of.cell_count));
  return cellsWanted(of, limits, seen, PLOT, loaded);
}

const rows = (y0: number, y1: number): CellRange => ({ x0: 0, x1: 512, y0, y1 });

describe("what is asked for", () => {
  it.each([
    [524_288, 0],
    [593_920, 0],
    [594_433, 3],
    [4 * 524_288, 3],
    [16 * 524_288, 6],
  ])("of all of %i cells", (count, shift) => {
    expect(wanted(mapping(count), null)).toEqual({ first: 0, count, shift });
  });

  it("never is more items than there are pixels", () => {
    const big = mapping(16 * 524_288, 77);
    for (const [y0, y1] of [
      [0, 1],
      [3, 900.5],
      [8000, 16_384],
      [16_380, 16_385],
    ] as const) {
      const { count, shift } = wanted(big, rows(y0, y1));
      expect(count / 2 ** shift).toBeLessThanOrEqual(1024 * 580);
    }
  });

  it("is finer where less is in sight, with some on either side", () => {
    const view = wanted(mapping(16 * 524_288), rows(5000, 5100));
    expect(view).toEqual({ first: 4900 * 512, count: 300 * 512, shift: 0 });
  });

  it("begins and ends with the mapping", () => {
    const of = mapping(16 * 524_288, 100);
    expect(wanted(of, rows(0, 10))).toEqual({ first: 0, count: 20 * 512 - 100, shift: 0 });
    expect(cellsOfRows(of, 16_384, 16_385)).toMatchObject({ first: 8_388_508, count: 100 });
  });

  it("stays as it is while that serves", () => {
    const of = mapping(16 * 524_288);
    const loaded = wanted(of, rows(5000, 5100));
    expect(wanted(of, rows(5050, 5150), loaded)).toBe(loaded);
    expect(wanted(of, rows(5150, 5250), loaded)).not.toBe(loaded);
    expect(wanted(of, rows(4000, 6000), loaded)).toMatchObject({ shift: 3 });
    const whole = { first: 0, count: 524_288, shift: 0 } as const;
    expect(wanted(mapping(524_288), rows(3, 9), whole)).toBe(whole);
  });
});

describe("the level to begin with", () => {
  it.each([
    [512, "pmd"],
    [524_288, "pmd"],
    [16 * 524_288, "pud"],
  ])("of %i cells", (count, name) => {
    const of = mapping(count);
    expect(suitingLevel(levelsOf(of), of, PLOT)?.name).toBe(name);
  });
});
