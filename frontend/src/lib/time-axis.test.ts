import { describe, expect, it } from "vitest";
import {
  lengthWords,
  lostAt,
  lostWords,
  momentAt,
  momentWords,
  nearest,
  neighbour,
  shareOf,
  thinned,
  within,
} from "./time-axis";

const SPAN = { sinceS: 1000, untilS: 1200 };
const events = [1010, 1011, 1100, 1199].map((at_s) => ({ at_s }));

describe("a moment on the line", () => {
  it.each([
    [1000, 0],
    [1050, 0.25],
    [1200, 1],
    [900, 0],
    [9000, 1],
  ])("%s", (atS, share) => {
    expect(shareOf(SPAN, atS)).toBe(share);
  });

  it("is found again at its place", () => {
    for (const atS of [1000, 1033.3, 1200]) {
      expect(momentAt(SPAN, shareOf(SPAN, atS))).toBeCloseTo(atS);
    }
    expect(momentAt(SPAN, -0.1)).toBe(1000);
    expect(momentAt(SPAN, 1.5)).toBe(1200);
    expect([within(SPAN, 1), within(SPAN, 1001), within(SPAN, 2e9)]).toEqual([1000, 1001, 1200]);
  });

  it("of which there is only one is at the end", () => {
    expect(shareOf({ sinceS: 5, untilS: 5 }, 5)).toBe(1);
  });
});

describe("events", () => {
  it("draw a press that is near, and no other", () => {
    expect(nearest(events, 1010.6, 1)?.at_s).toBe(1011);
    expect(nearest(events, 1050, 5)).toBeNull();
    expect(nearest([], 1050, 5)).toBeNull();
  });

  it.each([
    [1050, 1, 1100],
    [1050, -1, 1011],
    // The one that is shown is not the next one.
    [1100, 1, 1199],
    [1100, -1, 1011],
    [1199, 1, undefined],
    [1010, -1, undefined],
  ] as const)("from %s by %s", (atS, step, found) => {
    expect(neighbour(events, atS, step)?.at_s).toBe(found);
  });

  it("that would lie over each other are drawn once, as what ranks highest", () => {
    const ranked = [10, 11, 12, 30].map((at_s, at) => ({ at_s, rank: [1, 3, 2, 0][at] ?? 0 }));
    const kept = thinned(ranked, 5, ({ rank }) => rank);
    expect(kept.map(({ at_s }) => at_s)).toEqual([11, 30]);
  });
});

describe("words", () => {
  it("tell the tenth that has begun", () => {
    const atS = new Date(2026, 10, 23, 5, 4, 3).getTime() / 1000;
    expect(momentWords(atS + 0.39, true)).toEqual(["2026-11-23", "05:04:03.3"]);
    expect(momentWords(atS + 0.3, true)[1]).toBe("05:04:03.3");
    expect(momentWords(atS + 0.999, false)[1]).toBe("05:04:03");
  });

  it.each([
    [-1, "0.0 s"],
    [3.42, "3.4 s"],
    [59.6, "1 min"],
    [250, "4 min 10 s"],
    [7200, "2 h"],
    [97_300, "1 d 3 h"],
  ])("for a length of %s s", (seconds, words) => {
    expect(lengthWords(seconds)).toBe(words);
  });
});

describe("lost time", () => {
  const sinceS = new Date(2026, 10, 23, 23, 59, 3).getTime() / 1000;
  const one = { since_s: sinceS, until_s: sinceS + 4, why: "a disk was full" };

  it("is told with both its ends", () => {
    expect(lostWords({ ...one, until_s: sinceS + 60 })).toBe(
      "lost from 2026-11-23 23:59:03.0 to 2026-11-24 00:00:03.0 (1 min): a disk was full",
    );
  });

  it("does not hold its ends: of them something is known", () => {
    const at = [0, 0.1, 3.9, 4].map((afterS) => lostAt([one, one], sinceS + afterS).length);
    expect(at).toEqual([0, 2, 2, 0]);
  });
});
