import { describe, expect, it } from "vitest";
import { boundsOf, entryAt, moved, numberOf } from "./cursor";
import { fullRange, tableGeometry } from "./geometry";

const TWO_MIB = 2 * 2 ** 20;
/** Three tables; the mapping begins at entry 500 of the first. */
const GEOMETRY = tableGeometry(500 * TWO_MIB, TWO_MIB, 12 + 512 + 100);
const ALL = boundsOf(GEOMETRY, fullRange(GEOMETRY));

function press(key: string, from: number | null): number | undefined {
  return moved(key, ALL, from, { first: from ?? 0, count: 1 });
}

describe("moved", () => {
  it("starts at the first entry", () => {
    expect(press("ArrowRight", null)).toBe(0);
    expect(press("PageDown", null)).toBe(0);
    expect(press("End", null)).toBe(623);
  });

  it("steps by entries and tables, and stops at the ends", () => {
    expect(press("ArrowRight", 5)).toBe(6);
    expect(press("ArrowLeft", 0)).toBe(0);
    expect(press("ArrowDown", 5)).toBe(517);
    expect(press("PageUp", 5)).toBe(0);
    expect(press("PageDown", 600)).toBe(623);
    expect(press("Home", 600)).toBe(0);
    expect(press("x", 600)).toBeUndefined();
  });

  it("passes over what is drawn as one", () => {
    expect(moved("ArrowRight", ALL, 13, { first: 12, count: 8 })).toBe(20);
    expect(moved("ArrowLeft", ALL, 13, { first: 12, count: 8 })).toBe(11);
  });

  it("stays within one table where only that is shown", () => {
    const second = boundsOf(GEOMETRY, { x0: 0, x1: 512, y0: 1, y1: 2 });
    expect(second).toEqual({ perRow: 512, first: 12, last: 523 });
    expect(moved("ArrowDown", second, 20, { first: 20, count: 1 })).toBe(523);
    expect(numberOf(GEOMETRY, second, { row: 0, column: 505 })).toBeNull();
    expect(numberOf(GEOMETRY, second, { row: 1, column: 5 })).toBe(17);
  });
});

it("an entry's place", () => {
  expect(entryAt(GEOMETRY, 12)).toEqual({ row: 1, column: 0 });
});
