import { describe, expect, it } from "vitest";
import type { FocusPlace } from "./focus-place";
import { bindingOf, KEY_GROUPS, type KeyPress } from "./keys";

const CELLS: FocusPlace = { cells: true, typing: false, pressable: false };
const PAGE: FocusPlace = { ...CELLS, cells: false };

function press(key: string, change: Partial<KeyPress> = {}): KeyPress {
  return { key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...change };
}

function action(key: string, place: FocusPlace, change: Partial<KeyPress> = {}): string | null {
  return bindingOf(press(key, change), place)?.action ?? null;
}

describe("bindingOf", () => {
  it("moves with the focus on the cells only", () => {
    expect(action("ArrowLeft", CELLS)).toBe("move");
    expect(action("End", CELLS)).toBe("move");
    expect(action("ArrowLeft", PAGE)).toBeNull();
    expect(action("Enter", PAGE)).toBeNull();
  });

  it("extends with shift", () => {
    expect(action("ArrowLeft", CELLS, { shiftKey: true })).toBe("extend");
    expect(action("PageDown", CELLS, { shiftKey: true })).toBe("extend");
  });

  it("takes a key that needs shift to be typed", () => {
    expect(action("?", PAGE, { shiftKey: true })).toBe("help");
    expect(action("+", PAGE, { shiftKey: true })).toBe("zoom-in");
  });

  it("leaves keys with other modifiers alone", () => {
    for (const modifier of ["ctrlKey", "metaKey", "altKey"] as const) {
      expect(action("c", CELLS, { [modifier]: true })).toBeNull();
    }
  });

  it("leaves what is typed alone", () => {
    expect(action("g", { ...PAGE, typing: true })).toBeNull();
    expect(action("Escape", { ...PAGE, typing: true })).toBeNull();
  });

  it("leaves Space and Enter to what they press", () => {
    const button = { ...PAGE, pressable: true };
    expect(action(" ", button)).toBeNull();
    expect(action(" ", PAGE)).toBe("pause");
    expect(action("g", button)).toBe("go-to");
  });

  it("has every key once in each place", () => {
    const seen = KEY_GROUPS.flatMap((group) => group.bindings).flatMap((one) =>
      one.keys.map((key) => `${one.shift === true ? "shift " : ""}${key}`),
    );
    expect(new Set(seen).size).toBe(seen.length);
  });
});
