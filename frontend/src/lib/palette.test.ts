import { describe, expect, it } from "vitest";
import { CellRecords, rowWords } from "../state/cell-records";
import { CellFlag, CellState, UNKNOWN_COUNT, UNKNOWN_NODE } from "../wire/generated";
import { hex, mix, pixel, rgb, sequential } from "./color";
import {
  bucketOf,
  bucketRange,
  COLOR_MODES,
  highestBucket,
  MIGRATING,
  NO_PAGE,
  paintOf,
  paintsOf,
  POISONED,
} from "./palette";
import { barPaints, legendOf, stateLegend } from "./legend";

const TWO_MIB = 2 * 2 ** 20;
const ONE_GIB = 2 ** 30;

type Change = Partial<Record<"state" | "flags" | "mapcount" | "node" | "pages", number>>;

function cell(change: Change): CellRecords {
  const { state = CellState.MAPPED, flags = 0, mapcount = 1, node = 0, pages = 512 } = change;
  const row = {
    mapcount: Uint16Array.of(mapcount),
    mappers: Uint16Array.of(UNKNOWN_COUNT),
    state: Uint8Array.of(state),
    flags: Uint8Array.of(flags),
    node: Uint8Array.of(node),
  };
  const cells = new CellRecords(1);
  cells.put(0, rowWords(row, Uint32Array.of(pages)), 0);
  cells.setTime(0, 0);
  return cells;
}

function keyOf(mode: (typeof COLOR_MODES)[number], change: Change): string {
  const paint = paintOf(mode, cell(change), 0, TWO_MIB, 5);
  return paintsOf(mode, "light", TWO_MIB, 30)[paint]?.key ?? "none";
}

describe("the paint of a cell", () => {
  it.each([
    [{ state: CellState.HOLE }, "hole"],
    [{ state: CellState.MAPPED }, "mapped"],
    [{ state: CellState.FULL }, "full"],
    [{ state: CellState.SPLIT }, "split"],
    [{ state: CellState.PARTIAL, pages: 1 }, "partial"],
    [{ state: CellState.PARTIAL, pages: 511 }, "partial"],
    [{ state: CellState.MARKER, flags: CellFlag.WRITE_PROTECTED }, "marker"],
    [{ state: CellState.POISONED }, "poisoned"],
    [{ state: CellState.MIGRATING }, "migrating"],
    [{ state: CellState.SMALL }, "small"],
    [{ flags: CellFlag.WRITE_PROTECTED | CellFlag.SHARED_TABLE }, "write-protected"],
    [{ flags: CellFlag.SHARED_TABLE }, "shared-table"],
    [{ flags: CellFlag.EXCLUSIVE | CellFlag.INFERRED }, "mapped"],
  ])("by state: %o", (change, key) => {
    expect(keyOf("state", change)).toBe(key);
  });

  it.each([
    [{ mapcount: 0 }, "count-0"],
    [{ mapcount: 1 }, "count-1"],
    [{ mapcount: 6 }, "count-5"],
    [{ mapcount: 65_534 }, "count-32769"],
    [{ mapcount: UNKNOWN_COUNT }, "unknown"],
    [{ state: CellState.HOLE, mapcount: UNKNOWN_COUNT }, "no-page"],
    [{ state: CellState.POISONED, mapcount: UNKNOWN_COUNT }, "poisoned"],
  ])("by mapcount: %o", (change, key) => {
    expect(keyOf("mapcount", change)).toBe(key);
  });

  it.each([
    [{ node: 0 }, "node-0"],
    [{ node: 9 }, "node-9"],
    [{ node: UNKNOWN_NODE }, "unknown"],
    [{ state: CellState.MIGRATING, node: UNKNOWN_NODE }, "migrating"],
  ])("by node: %o", (change, key) => {
    expect(keyOf("node", change)).toBe(key);
  });

  it("of poisoned outranks migrating in number, as groups rely on it", () => {
    expect(POISONED).toBeGreaterThan(MIGRATING);
  });
});

describe("classes of counts", () => {
  it("leave no count out and none in two", () => {
    for (let count = 0; count < 70_000; count++) {
      const [low, high] = bucketRange(bucketOf(count));
      expect(count >= low && count <= high).toBe(true);
    }
  });

  it("name the highest that occurs", () => {
    const counts = new Uint32Array(256);
    expect(highestBucket(counts)).toBe(1);
    counts[1 + bucketOf(100)] = 5;
    counts[POISONED] = 1;
    expect(highestBucket(counts)).toBe(bucketOf(100));
  });
});

describe("paints", () => {
  it.each(COLOR_MODES)("exist for whatever can occur, by %s", (mode) => {
    const paints = paintsOf(mode, "dark", ONE_GIB, 3);
    for (let state = 0; state < 9; state++) {
      for (const flags of [0, 2, 4, 6]) {
        for (const mapcount of [0, 1, 77, UNKNOWN_COUNT]) {
          const columns = cell({ state, flags, mapcount, node: mapcount % 256 });
          expect(paints[paintOf(mode, columns, 0, TWO_MIB, 5)]).toBeDefined();
        }
      }
    }
  });

  it("tell entries of 1 GiB from those of 2 MiB", () => {
    const large = barPaints("light", ONE_GIB)[CellState.MAPPED];
    const small = barPaints("light", TWO_MIB)[CellState.MAPPED];
    expect(large?.label).toBe("mapped by one 1 GiB entry");
    expect(hex(large?.color ?? [0, 0, 0])).toBe("#19338b");
    expect(hex(small?.color ?? [0, 0, 0])).toBe("#638cff");
  });
});

describe("the legend", () => {
  it("puts danger first, no page last, and joins the levels of partial", () => {
    const counts = new Uint32Array(256);
    counts[NO_PAGE] = 5;
    counts[1] = 4;
    counts[4] = 2;
    counts[9] = 1;
    counts[POISONED] = 1;
    const legend = legendOf(paintsOf("state", "light", TWO_MIB, 1), counts);
    expect(legend.map(({ key, count }) => [key, count])).toEqual([
      ["poisoned", 1],
      ["mapped", 4],
      ["partial", 3],
      ["hole", 5],
    ]);
  });
});

describe("colours", () => {
  it("go to numbers and back", () => {
    expect(rgb("#0a141e")).toEqual([10, 20, 30]);
    expect(hex([10, 20, 30])).toBe("#0a141e");
    expect(pixel([1, 2, 3])).toBe(0xff030201);
    expect(mix([0, 0, 0], [100, 200, 50], 0.5)).toEqual([50, 100, 25]);
  });

  it("of a scale rise in lightness", () => {
    for (const scale of ["viridis", "cividis"] as const) {
      let before = -1;
      for (let share = 0; share <= 1; share += 0.05) {
        const [r, g, b] = sequential(scale, share);
        const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        expect(light).toBeGreaterThan(before);
        before = light;
      }
    }
  });
});

describe("the legend of states", () => {
  it("counts a cell by its state also where a flag colours it", () => {
    const columns = [
      cell({ state: CellState.FULL }),
      cell({ state: CellState.FULL, flags: CellFlag.WRITE_PROTECTED }),
      cell({ state: CellState.PARTIAL, pages: 7 }),
      cell({ state: CellState.MAPPED, flags: CellFlag.SHARED_TABLE }),
    ];
    const counts = new Uint32Array(256);
    const states = new Uint32Array(16);
    for (const one of columns) {
      const paint = paintOf("state", one, 0, TWO_MIB, 5);
      counts[paint] = (counts[paint] ?? 0) + 1;
      const state = one.state(0);
      states[state] = (states[state] ?? 0) + 1;
    }
    const paints = paintsOf("state", "light", TWO_MIB, 1);
    const entries = stateLegend(paints, counts, states);
    expect(entries.map((one) => [one.key, one.count])).toEqual([
      ["mapped", 1],
      ["full", 2],
      ["partial", 1],
      ["shared-table", 1],
      ["write-protected", 1],
    ]);
    expect(entries[4]?.label).toBe("of these write-protected (uffd)");
  });
});
