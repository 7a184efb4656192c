import { describe, expect, it } from "vitest";
import { ArrivalLog } from "./migration-arrivals";
import { migrationTimelines } from "./migration-charts";
import { missingWords } from "./migration-missing";
import { sampleArrivals, sampleMigration } from "./migration-samples";
import {
  arrivalWords,
  gapWords,
  physicalOf,
  sinceWords,
  spanWords,
  timeLeftWords,
  unwatchedWords,
  zeroOf,
} from "./migration-words";

describe("words of a migration", () => {
  it.each([
    [0, "0.0 s"],
    [0.000037, "37 µs"],
    [0.0412, "41 ms"],
    [3.44, "3.4 s"],
    [12.4, "12 s"],
    [59.6, "1 min"],
    [125, "2 min 5 s"],
  ])("a span of %d s", (seconds, words) => {
    expect(spanWords(seconds)).toBe(words);
  });

  it("tells times from the switch-over on, or else from the begin", () => {
    const state = sampleMigration();
    expect(zeroOf(state)).toEqual({ atS: 105, words: "the begin of the post-copy" });
    const turned = state.phases.map((one) =>
      one.phase === "precopy" ? { ...one, phase: "switchover" as const } : one,
    );
    expect(zeroOf({ phases: turned })).toEqual({ atS: 100, words: "the switch-over" });
    expect(zeroOf({ phases: state.phases.slice(0, 1) }).atS).toBe(100);
    expect([sinceWords(105.214, 105), sinceWords(104.6, 105), sinceWords(1105, 105)]).toEqual([
      "+0.21 s",
      "−0.40 s",
      "+1,000 s",
    ]);
  });

  it("never makes up a time that is left", () => {
    const left = (likely_s: number | null, low_s: number | null, high_s: number | null): string =>
      timeLeftWords(sampleMigration({ time_left: { likely_s, low_s, high_s } }));
    expect(left(12, 9, 18)).toBe("12 s (9.0 s to 18 s)");
    expect(left(12, 9, null)).toBe("12 s (9.0 s to no bound)");
    expect(left(null, null, null)).toBe("not known: nothing came in the last 10 s");
    expect(timeLeftWords(sampleMigration())).toBe("not known yet");
    const { summary } = sampleMigration();
    const over = sampleMigration({ summary: { ...summary, phase: "failed" } });
    expect(timeLeftWords(over)).toBe("–");
    const done = (left: number): string =>
      timeLeftWords(sampleMigration({ left, summary: { ...summary, phase: "done" } }));
    expect([done(0), done(3)]).toEqual(["nothing is left", "–"]);
  });

  it("knows guest-physical addresses where it knows what is below 4 GiB", () => {
    const low = 3 * 2 ** 30;
    expect([physicalOf(5, null), physicalOf(5, low), physicalOf(low + 5, low)]).toEqual([
      null,
      5,
      2 ** 32 + 5,
    ]);
  });

  it("says how a page came, and what of it is inferred", () => {
    const log = new ArrivalLog([8]);
    log.take(
      sampleArrivals(0, 2, [
        [1, 2, 6.5, 1.2],
        [2, 3, 7, 2],
      ]),
    );
    expect(arrivalWords(log, 0, 1, 105)).toBe(
      "came +1.50 s, demanded (inferred), missing for 1.2 s; arrival 1",
    );
    expect(arrivalWords(log, 0, 2, 105)).toContain("a fault was seen");
    expect(arrivalWords(log, 0, 3, 105)).toBeNull();
    log.take(sampleArrivals(9, 10, [[3, 1, 8, 3]]));
    expect(arrivalWords(log, 0, 3, 105)).toBe(
      "came +3.00 s, in order (inferred), missing for 3.0 s",
    );
  });

  it("says what of the log is not here", () => {
    const log = new ArrivalLog([8]);
    expect(gapWords(log, null)).toBeNull();
    expect(gapWords(log, "status 500")).toMatch(
      /^No more of the log .*status 500.* not all of it\.$/,
    );
    log.take(sampleArrivals(1200, 1200, []));
    expect(gapWords(log, null)).toContain("forgotten 1,200 of its records");
  });

  it("tells faults that are not watched yet from those that cannot be", () => {
    const { summary } = sampleMigration();
    const limit = (reason: string): Parameters<typeof unwatchedWords>[1] => [
      { capability: "pfn", reason: "no root", cost: "", remedy: null },
      { capability: "page_faults", reason, cost: "", remedy: null },
    ];
    const words = (
      limits = limit("process 99: too many threads"),
      phase = summary.phase,
    ): unknown => unwatchedWords(sampleMigration({ summary: { ...summary, phase } }), limits);
    expect(words([])).toBe("not watched yet: that begins with the switch-over");
    expect(words()).toBe(words([]));
    expect(words(limit("no perf_event_open"))).toBe("cannot be seen: no perf_event_open");
    expect(words(limit("process 43: EPERM"))).toBe("cannot be seen: process 43: EPERM");
    expect(words([], "failed")).toBe("not watched");
    expect(unwatchedWords(sampleMigration({ faults: 0 }), limit("any"))).toBeNull();
  });

  it("has words for each way of not being there", () => {
    expect(missingWords({ code: "sizes_differ" })[0]).toBe("Not the same RAM");
  });

  it("makes timelines with gaps where nothing was told", () => {
    const at = (at_s: number): Parameters<typeof migrationTimelines>[0][number] => ({
      at_s,
      source_present: 9,
      destination_present: 2,
      sweep: 3,
      demand: 1,
      punched: 0,
      left: 7,
      pool_left: null,
    });
    const [arrivals, , left] = migrationTimelines([at(1), at(2), at(9)]);
    expect(arrivals?.series[0]?.values).toEqual([3, 3, null, 3]);
    expect(left?.series[1]?.values.every((value) => value === null)).toBe(true);
    expect(arrivals?.agoS.at(-1)).toBe(0);
  });
});
