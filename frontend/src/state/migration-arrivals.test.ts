import { describe, expect, it } from "vitest";
import { FrameError } from "../wire/frame-error";
import {
  Arrival,
  ArrivalLog,
  BEFORE,
  FIRST_CLASS,
  NOT_SEEN,
  ORDER_CLASSES,
} from "./migration-arrivals";
import { sampleArrivals, type SampleArrival } from "./migration-samples";

const { PRECOPIED, SWEEP, DEMAND, FAULT, LEFT } = Arrival;

function logOf(pages: number, ...records: SampleArrival[]): ArrivalLog {
  const log = new ArrivalLog([pages]);
  log.take(sampleArrivals(0, records.length, records));
  return log;
}

describe("a log of arrivals", () => {
  it("classes pages by their order, of all pages before the switch-over", () => {
    const log = logOf(24, ...Array.from({ length: 12 }, (_, at) => [at, PRECOPIED, at] as const));
    expect([0, 1, 2, 11, 12].map((cell) => log.classOf(0, cell))).toEqual([
      FIRST_CLASS,
      FIRST_CLASS,
      FIRST_CLASS + 1,
      FIRST_CLASS + 5,
      NOT_SEEN,
    ]);
    expect(log.timesOf(FIRST_CLASS + 1)).toEqual({ firstS: 102, lastS: 103 });
    expect(log.timesOf(FIRST_CLASS + 6)).toBeNull();
  });

  it("classes them anew from the switch-over on, of the pages that were missing then", () => {
    const log = logOf(
      14,
      [0, PRECOPIED, 0],
      [1, PRECOPIED, 0.5],
      [2, PRECOPIED, 1],
      [2, LEFT, 2],
      [2, DEMAND, 3, 1],
      [13, SWEEP, 4, 2],
    );
    // Of 14 pages two stayed: twelve were missing.
    expect([0, 1, 2, 13, 5].map((cell) => log.classOf(0, cell))).toEqual([
      BEFORE,
      BEFORE,
      FIRST_CLASS,
      FIRST_CLASS + 1,
      NOT_SEEN,
    ]);
    expect(log.timesOf(FIRST_CLASS)).toEqual({ firstS: 103, lastS: 103 });
  });

  it("never has more classes than there are colours", () => {
    const again: SampleArrival[] = [];
    for (let at = 0; at < 50; at++) again.push([0, SWEEP, at], [0, LEFT, at]);
    const log = logOf(2, ...again, [0, SWEEP, 60]);
    expect(log.classOf(0, 0)).toBe(FIRST_CLASS + ORDER_CLASSES - 1);
  });

  it("counts and marks demanded pages as long as they are there", () => {
    const log = logOf(8, [3, DEMAND, 1, 1], [4, FAULT, 2, 2], [5, SWEEP, 3, 3], [3, LEFT, 4]);
    expect(log.counts).toEqual({ sweep: 1, demand: 1, fault: 1 });
    expect([...(log.blocks[0]?.marked ?? [])]).toEqual([4]);
    expect(log.classOf(0, 3)).toBe(NOT_SEEN);
  });

  it("tells which pages changed, and all where the order begins anew", () => {
    const log = new ArrivalLog([4, 4]);
    const told: unknown[] = [];
    log.listen((block, cells) => told.push([block, cells && [...cells]]));
    log.take(sampleArrivals(0, 3, [[1, PRECOPIED, 0]]));
    expect(log.next).toBe(1);
    log.take(sampleArrivals(1, 3, [[2, SWEEP, 1, 1, 1]]));
    expect(told).toEqual([
      [0, [1]],
      [0, null],
      [1, null],
    ]);
  });

  it("goes on where the server forgot the oldest, and knows how many", () => {
    const log = logOf(8, [0, PRECOPIED, 0]);
    log.take(sampleArrivals(100, 101, [[1, PRECOPIED, 1]]));
    expect([log.next, log.lost, log.classOf(0, 1)]).toEqual([101, 99, FIRST_CLASS + 1]);
    log.take(sampleArrivals(101, 102, [[2, PRECOPIED, 2]]));
    expect([log.next, log.lost]).toEqual([102, 99]);
  });

  it("takes nothing of another log, and that one from its begin once it was cleared", () => {
    const log = logOf(8, [0, SWEEP, 0], [1, SWEEP, 0]);
    const told: unknown[] = [];
    log.listen((block, cells) => told.push([block, cells]));
    expect(log.take(sampleArrivals(1, 1, [], 200))).toBe(false);
    expect([log.next, log.baseS]).toEqual([2, 100]);
    log.clear();
    expect([log.next, log.counts.sweep, log.classOf(0, 0)]).toEqual([0, 0, NOT_SEEN]);
    expect(told).toEqual([[0, null]]);
    expect(log.take(sampleArrivals(0, 1, [[3, DEMAND, 1]], 200))).toBe(true);
    expect([log.next, log.lost, log.counts.demand]).toEqual([1, 0, 1]);
  });

  it("is not put out by an answer that is older than what is here", () => {
    const log = logOf(8, [0, SWEEP, 0], [1, SWEEP, 0]);
    expect(log.take(sampleArrivals(1, 1, []))).toBe(true);
    expect([log.next, log.lost]).toEqual([2, 0]);
  });

  it.each([
    ["no log", new ArrayBuffer(33)],
    ["another version", altered(4, 2)],
    ["what was there before", sampleArrivals(0, 2, [[0, SWEEP, 0]])],
    ["a page beyond the block", sampleArrivals(1, 2, [[8, SWEEP, 0]])],
    ["a block that is none", sampleArrivals(1, 2, [[0, SWEEP, 0, 0, 1]])],
  ])("refuses %s", (_, data) => {
    const log = logOf(8, [0, PRECOPIED, 0]);
    expect(() => {
      log.take(data);
    }).toThrow(FrameError);
    expect(log.next).toBe(1);
  });
});

function altered(at: number, value: number): ArrayBuffer {
  const data = sampleArrivals(1, 2, []);
  new DataView(data).setUint32(at, value, true);
  return data;
}
