/**
 * The keys of the map, each acted on by what is on screen when all that was pressed before it has come of.
 *
 * What a key does shows some time later: the address changes first, then the picture, then what acts on it. A key that
 * is pressed meanwhile waits, and so does one that is pressed before there is anything to act.
 */
import { useLayoutEffect, useState } from "preact/hooks";
import { focusPlace } from "../lib/focus-place";
import type { bindingOf, KeyAction, KeyPress } from "../lib/keys";
import type { Picture } from "../state/picture";
import type { Route } from "../state/route";
import type { Store } from "../state/store";

/** What acts on keys, and what it was drawn of. */
export interface KeyServer {
  readonly meaning: typeof bindingOf;
  /** Does it; false: the key is the browser's. */
  readonly act: (action: KeyAction, key: string) => boolean;
  readonly route: Route;
  readonly picture: Picture;
  /** Whether what is pressed is typed for a dialog, which may not be there yet; Escape takes it back. */
  readonly typing: () => boolean;
}

interface Kept {
  readonly press: KeyPress;
  readonly atMs: number;
}

/** Nobody means a key any more that long after. */
const PATIENCE_MS = 10_000;

/** One for as long as there is a map on screen. */
export class KeyDesk {
  #server: KeyServer | null = null;
  #meaning: typeof bindingOf | null = null;
  #kept: Kept[] = [];

  constructor(readonly store: Store) {}

  /** From now on this acts on keys; null: nothing, until something else does. */
  serve(server: KeyServer | null): void {
    this.#server = server;
    if (server === null) return;
    this.#meaning = server.meaning;
    // Once all is drawn, and the focus is where it belongs.
    if (this.#kept.length > 0) queueMicrotask(this.#handOn);
  }

  /** For `keydown`. */
  readonly hear = (event: KeyboardEvent): void => {
    if (event.defaultPrevented) return;
    const back = event.key === "Escape" && this.#typing();
    if (back) this.#kept = [];
    if (this.#kept.length === 0 && this.#settled() && (back || !this.#typing())) {
      if (this.#act(event, event.target)) event.preventDefault();
    } else this.#keep(event);
  };

  /** What was pressed since for a dialog that is there only now; nothing of it remains here. */
  takeKept(): KeyPress[] {
    const kept = this.#kept;
    this.#kept = [];
    return kept.map(({ press }) => press);
  }

  #keep(event: KeyboardEvent): void {
    const { key, shiftKey, ctrlKey, altKey, metaKey } = event;
    const place = focusPlace(event.target);
    // These have one who acts on them already.
    if (place.typing || (place.pressable && (key === "Enter" || key === " "))) return;
    this.#kept.push({
      press: { key, shiftKey, ctrlKey, altKey, metaKey },
      atMs: event.timeStamp,
    });
    // What had the focus may be gone: the cells get it back.
    if (this.#meaning?.(event, { ...place, cells: true })) event.preventDefault();
  }

  readonly #handOn = (): void => {
    while (this.#kept.length > 0 && this.#settled() && !this.#typing()) {
      const kept = this.#kept.shift();
      if (kept && performance.now() - kept.atMs < PATIENCE_MS) {
        this.#act(kept.press, document.activeElement);
      }
    }
  };

  #act(press: KeyPress, focus: EventTarget | null): boolean {
    const found = this.#meaning?.(press, focusPlace(focus));
    return found != null && this.#server?.act(found.action, press.key) === true;
  }

  #typing(): boolean {
    return this.#server?.typing() === true;
  }

  /** Whether what is on screen is what the address says. */
  #settled(): boolean {
    const { store } = this;
    return (
      this.#server !== null &&
      this.#server.route === store.route.peek() &&
      this.#server.picture === store.picture.peek() &&
      store.hash === window.location.hash
    );
  }
}

/** The desk of this screen. */
export function useKeyDesk(store: Store): KeyDesk {
  const [desk] = useState(() => new KeyDesk(store));
  useLayoutEffect(() => {
    document.addEventListener("keydown", desk.hear);
    return () => {
      document.removeEventListener("keydown", desk.hear);
    };
  }, [desk]);
  return desk;
}
