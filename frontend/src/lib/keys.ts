/** The keys of the map: one table from which the handler and the help are both made. */

import type { FocusPlace } from "./focus-place";

/** What a key does; the map screen says how. */
export type KeyAction =
  | "move"
  | "extend"
  | "enter"
  | "back"
  | "up"
  | "next-other"
  | "previous-other"
  | "next-changed"
  | "go-to"
  | "pan"
  | "zoom-in"
  | "zoom-out"
  | "home"
  | "minimap"
  | "color"
  | "legend"
  | "extents"
  | "export"
  | "pause"
  | "help";

/** Where the focus has to be: on the map's cells, or anywhere on the screen where nothing else wants the key. */
type Scope = "cells" | "screen";

export interface KeyBinding {
  readonly action: KeyAction;
  readonly scope: Scope;
  /** As `KeyboardEvent.key` has them. */
  readonly keys: readonly string[];
  /** As the help shows them. */
  readonly shown: string;
  readonly words: string;
  readonly shift?: true;
}

export interface KeyGroup {
  readonly title: string;
  readonly bindings: readonly KeyBinding[];
}

const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
const MOVES = [...ARROWS, "PageUp", "PageDown", "Home", "End"];

function binding(
  action: KeyAction,
  scope: Scope,
  keys: readonly string[],
  shown: string,
  words: string,
): KeyBinding {
  return { action, scope, keys, shown, words };
}

/** All keys, as the help groups them. */
export const KEY_GROUPS: readonly KeyGroup[] = [
  {
    title: "Cells",
    bindings: [
      binding("move", "cells", ARROWS, "← → ↑ ↓", "to the next cell"),
      binding("move", "cells", ["PageUp", "PageDown"], "PgUp PgDn", "one table up or down"),
      binding("move", "cells", ["Home", "End"], "Home End", "first, last cell"),
      {
        ...binding("extend", "cells", MOVES, "Shift + these", "select a range of cells"),
        shift: true,
      },
      binding("next-other", "screen", ["."], ".", "next cell that is drawn differently"),
      binding("previous-other", "screen", [","], ",", "previous cell that is drawn differently"),
      binding("next-changed", "screen", ["c"], "c", "next cell that changed just now"),
      binding("go-to", "screen", ["g"], "g", "go to an address, an offset or a cell"),
    ],
  },
  {
    title: "Selection and levels",
    bindings: [
      binding("enter", "cells", ["Enter"], "Enter", "select the cell; once more: look inside"),
      binding("back", "screen", ["Escape"], "Esc", "one step back: selection, then a level up"),
      binding("up", "screen", ["u", "Backspace"], "u Backspace", "a level up"),
    ],
  },
  {
    title: "View",
    bindings: [
      binding("pan", "screen", ["w", "a", "s", "d"], "w a s d", "move the window"),
      binding("zoom-in", "screen", ["+", "="], "+", "zoom in"),
      binding("zoom-out", "screen", ["-"], "-", "zoom out"),
      binding("home", "screen", ["0"], "0", "everything"),
      binding("minimap", "screen", ["m"], "m", "to the minimap; arrow keys then move the window"),
      binding("pause", "screen", [" "], "Space", "pause, go on"),
    ],
  },
  {
    title: "Colours and lists",
    bindings: [
      binding(
        "color",
        "screen",
        ["1", "2", "3", "4", "5"],
        "1 … 5",
        "colour by state, mapcount, mappers, node, age",
      ),
      binding("legend", "screen", ["f"], "f", "to the legend, which is the filter"),
      binding("extents", "screen", ["x"], "x", "list of extents"),
      binding("export", "screen", ["e"], "e", "export a picture or a table"),
      binding("help", "screen", ["?"], "?", "these keys"),
    ],
  },
];

const BINDINGS = KEY_GROUPS.flatMap((group) => group.bindings);

const PAN_SHARE = 0.25;

/** What w, a, s and d pan by: shares of what is seen, across and down. */
export const PANS: Readonly<Record<string, readonly [number, number]>> = {
  w: [0, -PAN_SHARE],
  a: [-PAN_SHARE, 0],
  s: [0, PAN_SHARE],
  d: [PAN_SHARE, 0],
};

/** What of a key event counts here. */
export interface KeyPress {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

/** The binding of a key; null: the key means nothing here. */
export function bindingOf(press: KeyPress, place: FocusPlace): KeyBinding | null {
  if (press.ctrlKey || press.metaKey || press.altKey || place.typing) return null;
  if (place.pressable && (press.key === " " || press.key === "Enter")) return null;
  const found = BINDINGS.find(({ keys, scope, shift }) => {
    if (!keys.includes(press.key)) return false;
    if (scope === "cells" && !place.cells) return false;
    // Shift is part of how "?" and "+" are typed; of moves it makes another action.
    return scope === "screen" || (shift === true) === press.shiftKey;
  });
  return found ?? null;
}

/** The characters that these keys type, and whether Enter came right after them. */
export function typed(presses: readonly KeyPress[]): {
  readonly text: string;
  readonly entered: boolean;
} {
  const keys = presses
    .filter(({ ctrlKey, metaKey, altKey }) => !ctrlKey && !metaKey && !altKey)
    .map(({ key }) => key);
  const end = keys.findIndex((key) => key.length !== 1);
  return {
    text: keys.slice(0, end < 0 ? keys.length : end).join(""),
    entered: keys[end] === "Enter",
  };
}
