import { describe, expect, it } from "vitest";
import { Moment, momentIn } from "./moment";
import { sampleTime } from "./time-samples";

describe("the moment of an address", () => {
  it.each([
    ["", null],
    ["?t=1700000000.25", 1_700_000_000.25],
    ["?x=1&t=3", 3],
    ["?t=", null],
    ["?t=-3", null],
    ["?t=now", null],
    ["?t=1e300", null],
    ["?t=NaN", null],
  ])("%s", (search, atS) => {
    expect(momentIn(search)).toBe(atS);
  });
});

describe("a moment", () => {
  it("is asked for on each connection, and what comes until then is not it", () => {
    const time = new Moment("?t=3000");
    expect(time.connected()).toEqual({ type: "travel", at_s: 3000, playing: false, speed: 1 });
    expect(time.awaited).toBe(true);
    time.onState(sampleTime({ travelled: 0 }), 0);
    expect(time.awaited).toBe(true);
    time.onState(sampleTime({ live: false, at_s: 3000 }), 1);
    expect([time.awaited, time.atS, time.past.value]).toEqual([false, 3000, true]);
  });

  it("of a replay is not where that begins, however often that is told first", () => {
    const time = new Moment("?t=3000");
    time.connected();
    const awaited = [1000, 1000, 1000].map((at_s) => {
      time.onState(sampleTime({ live: false, can_be_live: false, at_s, travelled: 0 }), 0);
      return time.awaited;
    });
    expect(awaited).toEqual([true, true, true]);
    time.onState(sampleTime({ live: false, can_be_live: false, at_s: 3000 }), 1);
    expect(time.awaited).toBe(false);
  });

  it("of a replay that ends before is its end", () => {
    const time = new Moment("?t=9000");
    time.connected();
    time.onState(sampleTime({ live: false, can_be_live: false, at_s: 5000 }), 0);
    expect(time.awaited).toBe(false);
  });

  it("is not waited for where the server refuses, which is said until another is asked for", () => {
    const time = new Moment("?t=3000");
    time.connected();
    time.onState(sampleTime({ problem: "nothing was kept" }), 0);
    time.onState(sampleTime(), 1);
    expect([time.awaited, time.atS]).toEqual([false, null]);
    expect(time.state.value?.problem).toBe("nothing was kept");
    time.clear();
    expect(time.state.value?.problem).toBeNull();
  });

  it("that an address does not name is said until another is asked for", () => {
    const time = new Moment("?t=yesterday");
    expect(time.connected()).toBeNull();
    time.onState(sampleTime(), 0);
    expect(time.state.value?.problem).toContain("t=yesterday in the address names no moment");
    time.clear();
    time.onState(sampleTime(), 1);
    expect(time.state.value?.problem).toBeNull();
  });

  it("of a part of the page is its leader's, and it shows nothing else where it is refused", () => {
    const leader = new Moment("?t=3000");
    const pane = new Moment("", leader);
    expect(pane.connected()?.at_s).toBe(3000);
    pane.onState(sampleTime({ problem: "too many" }), 0);
    expect(pane.awaited).toBe(true);
    leader.wanted = null;
    expect(pane.connected()).toBeNull();
    expect(pane.awaited).toBe(false);
  });

  it("of what is replayed is not the past of something present", () => {
    const time = new Moment("");
    time.onState(sampleTime({ live: false, can_be_live: false }), 0);
    expect([time.past.value, time.atS]).toEqual([false, 5000]);
  });
});

describe("the clock of ages", () => {
  it("is the page's in the present, stands in the past, and runs as fast as it is played", () => {
    const time = new Moment("");
    time.onState(sampleTime(), 1000);
    expect(time.paced(3000)).toBe(3000);
    time.onState(sampleTime({ live: false, playing: false }), 3000);
    expect(time.paced(9000)).toBe(3000);
    time.onState(sampleTime({ live: false, playing: true, speed: 10 }), 9000);
    expect(time.paced(9500)).toBe(8000);
    expect(time.agedMs(1, 2)).toBe(1);
    time.onState(sampleTime(), 9500);
    expect(time.paced(9600)).toBe(8100);
    expect(time.agedMs(1, 2)).toBe(2);
  });
});
