import { describe, expect, it } from "vitest";
import type { CountBucket, Histograms, LevelSum } from "../wire/types";
import { hex } from "./color";
import { histogramsOf, histogramWords, type Histogram } from "./histograms";
import { barPaints } from "./legend";
import { CellState } from "../wire/generated";

const MIB2 = 2 * 2 ** 20;
const GIB = 2 ** 30;
const NOTHING: Histograms = { levels: [], mapcount: [], mappers: [] };

function level(state: string, cells: number, mappedBytes: number, pageSize = MIB2): LevelSum {
  return { page_size: pageSize, kind: "hugetlb", state, cells, mapped_bytes: mappedBytes };
}

function histogram(key: Histogram["key"], change: Partial<Histograms>): Histogram {
  const found = histogramsOf({ ...NOTHING, ...change }, "light").find((one) => one.key === key);
  if (!found) throw new Error(key);
  return found;
}

describe("granularity", () => {
  it("has a bar for each size and state, the largest pages first, and none for holes", () => {
    const { bars } = histogram("levels", {
      levels: [
        level("hole", 9, 0),
        level("partial", 3, MIB2),
        level("mapped", 4, 4 * MIB2),
        level("mapped", 1, GIB, GIB),
      ],
    });
    expect(bars.map((bar) => [bar.label, bar.value, bar.words])).toEqual([
      ["1 GiB mapped", GIB, "1 GiB in 1 cell"],
      ["2 MiB mapped", 4 * MIB2, "8 MiB in 4 cells"],
      ["2 MiB partial", MIB2, "2 MiB in 3 cells"],
    ]);
    const mapped = barPaints("light", MIB2)[CellState.MAPPED]?.color ?? [0, 0, 0];
    expect(bars[1]?.color).toBe(hex(mapped));
  });

  it("shows what was lost, though it maps nothing", () => {
    const { bars } = histogram("levels", {
      levels: [level("poisoned", 1, 0), level("migrating", 2, 0)],
    });
    expect(bars.map((bar) => [bar.label, bar.value, bar.words, bar.pattern])).toEqual([
      ["2 MiB poisoned", MIB2, "1 cell, not mapped", "cross"],
      ["2 MiB in flight", 2 * MIB2, "2 cells, not mapped", "diagonal"],
    ]);
  });
});

describe("counts", () => {
  const bucket = (low: number | null, high: number | null, cells: number): CountBucket => {
    return { low, high, cells };
  };

  it("have a bar each, the unknown one of its own and marked", () => {
    const { bars } = histogram("mapcount", {
      mapcount: [bucket(0, 0, 0), bucket(1, 1, 7), bucket(2, 2, 0), bucket(5, 8, 1200)].concat(
        bucket(null, null, 3),
      ),
    });
    expect(bars.map((bar) => [bar.label, bar.words, bar.pattern])).toEqual([
      ["1", "7", "none"],
      ["2", "0", "none"],
      ["5–8", "1,200", "none"],
      ["unknown", "3", "unknown"],
    ]);
    expect(new Set(bars.map((bar) => bar.color)).size).toBe(4);
  });

  it("are told in a sentence", () => {
    expect(histogramWords(histogram("mappers", { mappers: [bucket(1, 1, 7)] }))).toBe(
      "Mappers: present pages by mappings seen to map them. 1: 7.",
    );
    expect(histogramWords(histogram("mappers", {}))).toMatch(/nothing is present\.$/);
  });
});
