/** The one entry that is looked at, by pointer or by keyboard, and what is done with it. */
import { signal, type Signal } from "@preact/signals";
import { boundsOf, entryAt, moved, numberOf, type Entry } from "../lib/cursor";
import type { CellSpan } from "../lib/geometry";
import type { Picture } from "../state/picture";
import type { HeatmapPanel } from "./heatmap-panel";

export interface Cursor {
  readonly entry: Entry;
  readonly by: "pointer" | "keyboard";
}

/** What the screen does with entries; they are numbered as the picture's axes number them. */
export interface CursorActions {
  /** Entries that are selected. */
  readonly selected: CellSpan | null;
  readonly select: (entries: CellSpan) => void;
  /** Look inside of an entry, or nearer at what is drawn as one. */
  readonly drill: (entry: number) => void;
}

const DOUBLE_MS = 400;
const NEAR_PX = 6;

interface Press {
  readonly x: number;
  readonly y: number;
  readonly atMs: number;
  readonly entry: Entry | null;
  /** The second one of two at the same place. */
  readonly second: boolean;
}

const NO_PRESS: Press = { x: 0, y: 0, atMs: -Infinity, entry: null, second: false };

/** What the cursor moves over; another object each time the map is drawn. */
export interface CursorPlace {
  readonly panel: HeatmapPanel | null;
  readonly picture: Picture;
  /** Takes the focus. */
  readonly canvas: { readonly current: HTMLCanvasElement | null };
  readonly actions: CursorActions;
}

/** Cursor of one picture, and the handlers that move it. */
export class CursorControl {
  readonly cursor: Signal<Cursor | null> = signal(null);
  /** Where a range that is being selected begins. */
  #anchor: number | null = null;
  #press: Press | null = null;
  #before = NO_PRESS;

  constructor(public place: CursorPlace) {}

  readonly handlers = {
    onPointerDown: (event: PointerEvent): void => {
      const { clientX: x, clientY: y, timeStamp: atMs } = event;
      const last = this.#before;
      const near = Math.hypot(x - last.x, y - last.y) < NEAR_PX;
      const second = !last.second && atMs - last.atMs < DOUBLE_MS && near;
      // By the second press the drawer may have moved the map: the first one said what was meant.
      const entry = second ? last.entry : this.#entryUnder(event);
      this.#press = this.#before = { x, y, atMs, entry, second };
    },
    onPointerMove: (event: PointerEvent): void => {
      // A drag moves the axes, and a finger hides what it points at.
      if (event.buttons === 0 && event.pointerType !== "touch") this.#point(event);
    },
    onPointerLeave: (): void => {
      if (this.cursor.peek()?.by === "pointer") this.cursor.value = null;
    },
    onPointerUp: (event: PointerEvent): void => {
      this.#point(event);
      this.#focus();
    },
    onClick: (event: MouseEvent): void => {
      // Plotly holds back the click that ends a drag and makes one of its own: a press counts once.
      const press = this.#press;
      this.#press = null;
      if (press !== null && event.button === 0) this.#click(press, event.shiftKey);
      this.#focus();
    },
  };

  /** The entry that is looked at or selected. */
  here(): number | null {
    const at = this.cursor.peek();
    return (at && this.#number(at.entry)) ?? this.place.actions.selected?.first ?? null;
  }

  /** Go to an entry and bring it in sight. */
  goTo(number: number): void {
    const { picture, panel } = this.place;
    const entry = entryAt(picture.geometry, number);
    this.cursor.value = { entry, by: "keyboard" };
    panel?.reveal(entry.row, entry.column);
    this.#focus();
  }

  /** What a key does from here; false: nothing. */
  move(key: string, extend: boolean): boolean {
    const { picture } = this.place;
    const from = this.here();
    const item = from === null ? { first: 0, count: 1 } : picture.itemSpan(from);
    const to = moved(key, boundsOf(picture.geometry, picture.limits), from, item);
    if (to === undefined) return false;
    if (extend) this.#extend(from ?? to, to);
    else this.#anchor = null;
    this.goTo(to);
    return true;
  }

  /** Select, or look inside of what is selected already; false: there is no cursor. */
  enter(): boolean {
    const number = this.here();
    if (number === null) return false;
    const { picture, actions } = this.place;
    const item = picture.itemSpan(number);
    const { selected } = actions;
    if (selected?.first === item.first && selected.count === item.count) actions.drill(number);
    else actions.select(item);
    return true;
  }

  #click({ entry, second }: Press, shift: boolean): void {
    const { picture, panel, actions } = this.place;
    const number = entry && this.#number(entry);
    if (number === null) {
      if (second) panel?.home();
    } else if (second) actions.drill(number);
    else if (shift) this.#extend(actions.selected?.first ?? this.here() ?? number, number);
    else {
      this.#anchor = number;
      actions.select(picture.itemSpan(number));
    }
  }

  /** Select from where the range began, or `from`, to this entry. */
  #extend(from: number, to: number): void {
    this.#anchor ??= from;
    this.place.actions.select(spanned(this.place.picture, this.#anchor, to));
  }

  #number(entry: Entry): number | null {
    const { geometry, limits } = this.place.picture;
    return numberOf(geometry, boundsOf(geometry, limits), entry);
  }

  #entryUnder({ clientX, clientY }: MouseEvent): Entry | null {
    return this.place.panel?.entryAt(clientX, clientY) ?? null;
  }

  #point(event: PointerEvent): void {
    const entry = this.#entryUnder(event);
    this.cursor.value = entry && { entry, by: "pointer" };
  }

  #focus(): void {
    this.place.canvas.current?.focus({ preventScroll: true });
  }
}

/** Entries from one to another, both with all that is drawn as one with them. */
function spanned(picture: Picture, one: number, other: number): CellSpan {
  const [low, high] = one < other ? [one, other] : [other, one];
  const { first } = picture.itemSpan(low);
  const last = picture.itemSpan(high);
  return { first, count: last.first + last.count - first };
}
