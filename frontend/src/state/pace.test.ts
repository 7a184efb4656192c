import { describe, expect, it } from "vitest";
import { Pace, type ReceivedOverview } from "./pace";
import { sampleOverview } from "./samples";

function received(receivedAtMs: number): ReceivedOverview {
  return { overview: sampleOverview(), receivedAtMs };
}

describe("pace", () => {
  it("keeps an overview for the next cells only while cells come", () => {
    const pace = new Pace();
    expect(pace.hold(received(1000))).toBe(false);
    expect(pace.release()).toBeNull();
    pace.frame(1000);
    expect(pace.hold(received(1100))).toBe(true);
    pace.frame(1250);
    expect(pace.overdue(1400)).toBe(false);
    expect(pace.overdue(1450)).toBe(true);
    expect(pace.release()?.receivedAtMs).toBe(1100);
    expect(pace.release()).toBeNull();
    expect(pace.overdue(9000)).toBe(false);
  });

  it("shows counts four times a second, and the last of them always", () => {
    const pace = new Pace();
    pace.drawn(1000, false);
    expect(pace.cells).toBe(1);
    pace.drawn(1100, false);
    expect(pace.cells).toBe(1);
    pace.tick(1200);
    expect(pace.cells).toBe(1);
    pace.tick(1250);
    expect(pace.cells).toBe(2);
    pace.tick(1600);
    expect(pace.cells).toBe(2);
    pace.drawn(1610, true);
    expect(pace.cells).toBe(3);
  });

  it("lets time go on with frames, and by itself where none come", () => {
    const pace = new Pace();
    pace.message(1000);
    pace.frame(1200);
    pace.tick(1300);
    expect(pace.clock.value).toBe(1000);
    expect(pace.drawn(1300, false)).toBe(true);
    expect(pace.clock.value).toBe(1300);
    expect(pace.drawn(1500, false)).toBe(false);
    expect(pace.clock.value).toBe(1300);
    expect(pace.drawn(1700, false)).toBe(true);
    expect(pace.clock.value).toBe(1700);
    pace.tick(2100);
    expect(pace.clock.value).toBe(2100);
  });
});
