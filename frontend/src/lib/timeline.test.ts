import { describe, expect, it } from "vitest";
import type { Point, PoolPoint } from "../wire/types";
import {
  agoWords,
  spanS,
  spanTicks,
  timelineRows,
  timelinesOf,
  timelineWords,
  withGaps,
  type Timeline,
} from "./timeline";

const MIB2 = 2 * 2 ** 20;
const GIB = 2 ** 30;

function pool(pageSize: number, free: number | null, reserved: number | null): PoolPoint {
  return { page_size: pageSize, total: 8, free, reserved };
}

function point(atS: number, change: Partial<Point> = {}): Point {
  return { at_s: atS, present_bytes: GIB, arrived: 0, left: 0, changed: 0, pools: [], ...change };
}

function timeline(key: Timeline["key"], points: readonly Point[]): Timeline {
  const found = timelinesOf(points).find((one) => one.key === key);
  if (!found) throw new Error(key);
  return found;
}

describe("points", () => {
  it("have a gap where nobody knows what was", () => {
    const [a, b, c] = [point(1), point(2.1), point(9)];
    expect(withGaps([a, b, c])).toEqual([a, b, null, c]);
    expect(withGaps([])).toEqual([]);
  });

  it("are told by how long before the latest they are", () => {
    const { agoS, series } = timeline("present", [point(100), point(101), point(111)]);
    expect(agoS).toEqual([11, 10, 5, 0]);
    expect(series[0]?.values).toEqual([GIB, GIB, null, GIB]);
  });
});

describe("what is to spare", () => {
  it("is what is free and not reserved, unknown where the kernel does not tell", () => {
    const { series } = timeline("spare", [
      point(1, { pools: [pool(MIB2, 5, 2), pool(GIB, 1, 0)] }),
      point(2, { pools: [pool(MIB2, 5, null), pool(GIB, 1, 1)] }),
    ]);
    expect(series.map((one) => one.label)).toEqual(["1 GiB", "2 MiB"]);
    expect(series.map((one) => one.values)).toEqual([
      [GIB, 0],
      [3 * MIB2, null],
    ]);
  });

  it("leaves out pools that are empty all the time", () => {
    const empty = { ...pool(GIB, 0, 0), total: 0 };
    const labels = (...pools: PoolPoint[]): string[] =>
      timeline("spare", [point(1, { pools })]).series.map((one) => one.label);
    expect(labels(pool(MIB2, 5, 2), empty)).toEqual(["2 MiB"]);
    expect(labels(empty)).toEqual(["1 GiB"]);
  });
});

describe("a timeline in words", () => {
  const points = [point(1, { arrived: 3 }), point(2, { arrived: 0.5 }), point(31)];

  it("is a sentence", () => {
    expect(timelineWords(timeline("changes", points))).toBe(
      "Changes: huge pages a second. In the last 30 s: " +
        "came: faulted in, or migrated here: 0, between 0 and 3.0; " +
        "went: 0, between 0 and 0; changed in any way: 0, between 0 and 0.",
    );
  });

  it("is a table, the latest first, with gaps in it", () => {
    expect(timelineRows(timeline("present", points))).toEqual([
      ["latest", "1 GiB"],
      ["15 s before", "unknown"],
      ["29 s before", "1 GiB"],
      ["30 s before", "1 GiB"],
    ]);
    const many = Array.from({ length: 600 }, (_, at) => point(at));
    expect(timelineRows(timeline("present", many))).toHaveLength(20);
    const rows = timelineRows(timeline("present", [...many, point(650)]));
    expect(rows.slice(0, 3).map(([moment]) => moment)).toEqual([
      "latest",
      "26 s before",
      "1 min 20 s before",
    ]);
  });

  it.each([
    [12, 60, "−15 s"],
    [100, 120, "−30 s"],
    [200, 300, "−1 min"],
    [599, 600, "−2 min"],
  ])("has an axis for %i s", (longest, span, tick) => {
    expect(spanS([longest, 0])).toBe(span);
    expect(spanTicks(span, true).words.slice(0, 2)).toEqual(["latest", tick]);
    expect(spanTicks(span, false).at).toEqual([0, -span / 2, -span]);
  });

  it("says how long ago", () => {
    expect([0.4, 59, 60, 95].map(agoWords)).toEqual(["0 s", "59 s", "1 min", "1 min 35 s"]);
  });
});
