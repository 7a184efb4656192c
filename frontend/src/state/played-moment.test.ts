import { describe, expect, it } from "vitest";
import { PlayedMoment } from "./played-moment";

class Clock {
  #due: (() => void)[] = [];
  readonly played = new PlayedMoment((then) => this.#due.push(then));

  /** The periods that go on end. */
  pass(): void {
    for (const then of this.#due.splice(0)) then();
  }
}

function playing(): Clock {
  const clock = new Clock();
  clock.played.take(1, true);
  expect(clock.played.shown.peek()).toBe(1);
  return clock;
}

describe("a moment that is compared", () => {
  it("is not known before it is told, and the present is one too", () => {
    const { played } = new Clock();
    expect(played.shown.peek()).toBeUndefined();
    played.take(null, false);
    expect(played.shown.peek()).toBeNull();
  });

  it("is the latest, once a period, while time plays", () => {
    const { played, pass } = bound(playing());
    played.take(2, true);
    played.take(3, true);
    expect(played.shown.peek()).toBe(1);
    pass();
    expect(played.shown.peek()).toBe(3);
    pass();
    played.take(4, true);
    expect(played.shown.peek()).toBe(4);
  });

  it("waits for the answer too", () => {
    const { played, pass } = bound(playing());
    played.wait(true);
    played.take(2, true);
    pass();
    expect(played.shown.peek()).toBe(1);
    played.wait(false);
    expect(played.shown.peek()).toBe(2);
  });

  it("is at once where time stands, and nothing that played comes after it", () => {
    const { played, pass } = bound(playing());
    played.wait(true);
    played.take(5, true);
    played.take(2, false);
    expect(played.shown.peek()).toBe(2);
    played.wait(false);
    pass();
    expect(played.shown.peek()).toBe(2);
  });

  it("stays when nobody looks any more", () => {
    const { played, pass } = bound(playing());
    played.take(2, true);
    played.stop();
    pass();
    expect(played.shown.peek()).toBe(1);
  });
});

function bound(clock: Clock): { readonly played: PlayedMoment; readonly pass: () => void } {
  return {
    played: clock.played,
    pass: () => {
      clock.pass();
    },
  };
}
