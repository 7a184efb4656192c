import { describe, expect, it } from "vitest";
import { KEY_GROUPS } from "./keys";
import { TIME_KEYS, timeActionOf } from "./time-keys";

const ANYWHERE = { cells: false, typing: false, pressable: false };
const press = (key: string): Parameters<typeof timeActionOf>[0] => ({
  key,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
});

describe("the keys of time", () => {
  it("are no keys of a map", () => {
    const map = KEY_GROUPS.flatMap(({ bindings }) => bindings.flatMap(({ keys }) => keys));
    expect(TIME_KEYS.filter(({ key }) => map.includes(key))).toEqual([]);
  });

  it("act, but not where text is typed, and not with others", () => {
    expect(timeActionOf(press("n"), ANYWHERE, false)).toBe("next-event");
    expect(timeActionOf(press("n"), { ...ANYWHERE, typing: true }, false)).toBeNull();
    expect(timeActionOf({ ...press("k"), ctrlKey: true }, ANYWHERE, false)).toBeNull();
    expect(timeActionOf(press("a"), ANYWHERE, false)).toBeNull();
  });

  it("leave Space to the map in the present, and to what it presses", () => {
    expect(timeActionOf(press(" "), ANYWHERE, false)).toBeNull();
    expect(timeActionOf(press(" "), ANYWHERE, true)).toBe("play");
    expect(timeActionOf(press(" "), { ...ANYWHERE, pressable: true }, true)).toBeNull();
  });
});
