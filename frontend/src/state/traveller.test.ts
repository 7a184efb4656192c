import { signal, type Signal } from "@preact/signals";
import { beforeEach, describe, expect, it } from "vitest";
import { Throttle } from "../lib/throttle";
import type { FromViewer, RecordedHost, TimeEvent, TimeState, Travel } from "../wire/types";
import { Moment } from "./moment";
import { sampleTime } from "./time-samples";
import { Traveller, type Recorded } from "./traveller";

const event = (at_s: number, host_id = "h"): TimeEvent => ({
  at_s,
  host_id,
  kind: "finding",
  text: `at ${at_s}`,
  place: null,
});
const host = (host_id: string, since_s: number, until_s: number): RecordedHost => ({
  host_id,
  name: host_id,
  since_s,
  until_s,
  lost: [],
});

let nowMs: Signal<number>;
let time: Moment;
let sent: Travel[];
let steps: (number | null)[];
let followed: (number | null)[];
let asked: number;
let recorded: Recorded;
let made: Traveller;
let paused: boolean[];

function tell(change: Partial<TimeState> = {}): void {
  time.onState(sampleTime(change), nowMs.peek());
}

function pass(ms: number): void {
  nowMs.value += ms;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

beforeEach(() => {
  nowMs = signal(1000);
  time = new Moment("");
  [sent, steps, followed, asked, paused] = [[], [], [], 0, []];
  recorded = { events: [event(2000), event(3000)], hosts: [] };
  const store = {
    time,
    nowMs,
    send: (message: FromViewer): void => {
      if (message.type === "travel") sent.push(message);
    },
    migrating: null,
    pause: (on: boolean): void => void paused.push(on),
  };
  const address = {
    step: (atS: number | null): void => void steps.push(atS),
    follow: (atS: number | null): void => void followed.push(atS),
  };
  made = new Traveller(
    store,
    address,
    () => {
      asked++;
      return Promise.resolve(recorded);
    },
    () => nowMs.peek(),
    (send) =>
      new Throttle(send, 0, (then) => {
        then();
      }),
  );
  made.start();
});

describe("the present", () => {
  it("goes on between what the server tells", () => {
    tell();
    pass(250);
    expect(made.atS.value).toBeCloseTo(5000.25);
    expect([made.going.value?.live, made.behindS.value]).toEqual([true, null]);
    expect(made.span.value?.untilS).toBeCloseTo(5000, 0);
  });

  it("is paused as the moment that is shown, which stands in the address", () => {
    tell();
    pass(500);
    made.toggle();
    expect(sent).toEqual([{ type: "travel", at_s: 5000.5, playing: false, speed: 1 }]);
    expect(steps).toEqual([5000.5]);
    expect(paused).toEqual([false]);
    // At once, before the server answers.
    expect(made.going.value).toMatchObject({ live: false, playing: false });
    tell({ live: false, playing: false, at_s: 5000.5 });
    pass(4000);
    expect([made.atS.value, made.behindS.value]).toEqual([5000.5, 4]);
    expect(followed.at(-1)).toBe(5000.5);
    expect(time.wanted?.at_s).toBe(5000.5);
  });
});

describe("the past", () => {
  beforeEach(() => {
    tell();
    made.go(4000);
    tell({ live: false, playing: false, at_s: 4000 });
    sent.length = 0;
  });

  it("is moved in by steps that add up before the server answers", () => {
    for (let step = 0; step < 3; step++) made.step(10);
    expect(sent.map(({ at_s }) => at_s)).toEqual([4010, 4020, 4030]);
    tell({ live: false, playing: false, at_s: 4010 });
    pass(250);
    expect(made.atS.value).toBe(4030);
  });

  it("is no further than what was kept", () => {
    made.step(-1e6);
    expect(sent.at(-1)?.at_s).toBe(1000);
  });

  it("plays at the speed that was chosen, and says that to who comes back later", () => {
    made.setSpeed(10);
    made.toggle();
    expect(sent.at(-1)).toEqual({ type: "travel", at_s: 4000, playing: true, speed: 10 });
    tell({ live: false, playing: true, speed: 10, at_s: 4002 });
    pass(250);
    expect(made.atS.value).toBe(4002);
    expect(time.wanted).toEqual({ type: "travel", at_s: 4002, playing: true, speed: 10 });
    made.shiftSpeed(-1);
    expect(sent.at(-1)?.speed).toBe(5);
  });

  it("ends with one step back to live", () => {
    made.live();
    expect(sent).toEqual([{ type: "travel", at_s: null, playing: true, speed: 1 }]);
    expect([steps.at(-1), time.wanted]).toEqual([null, null]);
    tell();
    made.live();
    expect(sent).toHaveLength(1);
  });

  it("shows what the server says where it does not come to what was asked for", () => {
    made.go(1500);
    tell({ live: false, playing: false, at_s: 4000 });
    pass(2500);
    expect(made.atS.value).toBe(4000);
  });

  it("says in words why a moment cannot be shown", () => {
    made.go(1500);
    tell({ live: false, playing: false, at_s: 4000, problem: "it is damaged" });
    expect(made.going.value?.problem).toBe("it is damaged");
    expect(made.atS.value).toBe(4000);
    made.go(1600);
    expect(made.going.value?.problem).toBeNull();
  });

  it("is gone to by address without another step in it", () => {
    steps.length = 0;
    made.goneTo(2500);
    made.goneTo(null);
    expect(sent.map(({ at_s }) => at_s)).toEqual([2500, null]);
    expect(steps).toEqual([]);
  });
});

describe("what happened", () => {
  it("is asked for when there is more, and gone to from either side", async () => {
    tell();
    tell();
    await settled();
    expect(asked).toBe(1);
    tell({ events_version: 2 });
    await settled();
    expect(asked).toBe(2);
    expect(made.toEvent(-1)?.at_s).toBe(3000);
    expect(made.toEvent(-1)?.at_s).toBe(2000);
    expect(made.toEvent(-1)).toBeNull();
    expect(sent.map(({ at_s, playing }) => [at_s, playing])).toEqual([
      [3000, false],
      [2000, false],
    ]);
  });

  it("is that of the host on screen, and so is the line", async () => {
    recorded = {
      events: [event(2000), event(2500, "file")],
      hosts: [host("h", 1000, 5000), host("file", 2400, 2600)],
    };
    tell();
    await settled();
    expect(made.line.value).toEqual(made.span.value);
    made.hostId.value = "file";
    expect(made.events.value.map(({ at_s }) => at_s)).toEqual([2500]);
    expect(made.line.value).toEqual({ sinceS: 2400, untilS: 2600 });
    made.hostId.value = "h";
    expect(made.line.value?.untilS).toBe(made.span.value?.untilS);
    made.hostId.value = "other";
    expect(made.line.value).toEqual(made.span.value);
  });
});

describe("a replay", () => {
  it("begins anew from its end, and has no present", () => {
    tell({ live: false, can_be_live: false, playing: false, at_s: 5000 });
    made.live();
    expect(sent).toEqual([]);
    made.toggle();
    expect(sent).toEqual([{ type: "travel", at_s: 1000, playing: true, speed: 1 }]);
    expect([steps, made.behindS.value]).toEqual([[], null]);
  });

  it("of nothing cannot be moved in", () => {
    tell({ since_s: null, until_s: null });
    made.toggle();
    made.step(1);
    made.go(3);
    expect([sent, made.span.value]).toEqual([[], null]);
  });
});
