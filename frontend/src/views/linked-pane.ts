/** What maps that are shown side by side have in common: their room, who leads, their cursors and their keys. */
import "../styles/linked.css";
import type { HTMLAttributes } from "preact";
import { useEffect, useLayoutEffect } from "preact/hooks";
import { focusPlace } from "../lib/focus-place";
import { bindingOf, PANS, type KeyAction } from "../lib/keys";
import { overlap } from "../lib/geometry";
import type { Linked } from "../state/linked";
import type { CursorControl } from "./cursor-control";
import type { HeatmapPanel, Place } from "./heatmap-panel";
import type { Room } from "./use-panel";

const SMALLEST_RING_PX = 4;

/** What one side can be told to do. */
export interface PaneHandle {
  readonly control: CursorControl;
  readonly canvas: HTMLCanvasElement | null;
}

/** Of both sides, as far as they are there. */
export type PaneHandles<Name extends string, Handle extends PaneHandle = PaneHandle> = Partial<
  Record<Name, Handle | undefined>
>;

/** As wide as its box, and so much of the window's height. */
export function roomOf(leastHeightPx: number, heightShare: number): (box: HTMLElement) => Room {
  return (box) => ({
    width: box.clientWidth,
    height: Math.max(leastHeightPx, Math.round(window.innerHeight * heightShare)),
  });
}

type LeadingEvents = Pick<
  HTMLAttributes<HTMLElement>,
  "onPointerEnter" | "onPointerDown" | "onWheel" | "onFocusCapture"
>;

/** The side that is acted on leads; while something is dragged, the side where that began. */
export function leading<Name extends string>(linked: Linked<Name>, side: Name): LeadingEvents {
  const lead = (): void => {
    linked.leader = side;
  };
  return {
    onPointerEnter: (event) => {
      if (event.buttons === 0) lead();
    },
    onPointerDown: lead,
    onWheel: lead,
    onFocusCapture: lead,
  };
}

/** Move what both sides show, if that is what the key is for; whether it is. */
export function moveBoth<Name extends string>(
  linked: Linked<Name>,
  action: KeyAction,
  key: string,
): boolean {
  switch (action) {
    case "pan":
      linked.pan(...(PANS[key] ?? [0, 0]));
      return true;
    case "zoom-in":
    case "zoom-out":
      linked.zoom(action === "zoom-in" ? 0.5 : 2);
      return true;
    case "home":
      linked.show(null);
      return true;
    default:
      return false;
  }
}

/** Hands out what this side can be told; a key may come as soon as there is something to see. */
export function useHandle<Name extends string, Handle extends PaneHandle>(
  handles: PaneHandles<Name, Handle>,
  side: Name,
  control: CursorControl,
  made: () => Handle,
): void {
  useLayoutEffect(() => {
    handles[side] = made();
    return () => {
      if (handles[side]?.control === control) handles[side] = undefined;
    };
    // What is made holds nothing else that changes.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [handles, side, control]);
}

/** What is pointed at here is pointed at on both sides. */
export function useLinkedCursor<Name extends string>(
  linked: Linked<Name>,
  side: Name,
  control: CursorControl,
): void {
  useEffect(
    () =>
      control.cursor.subscribe((cursor) => {
        if (cursor !== null) linked.cursor.value = { ...cursor, side };
        else if (linked.cursor.peek()?.side === side) linked.cursor.value = null;
      }),
    [linked, side, control],
  );
}

/** Where what is pointed at lies on this side's panel; null: nowhere in sight. */
export function cursorPlace<Name extends string>(
  linked: Linked<Name>,
  panel: HeatmapPanel,
): Place | null {
  const cursor = linked.cursor.value;
  if (cursor === null) return null;
  const { row, column } = cursor.entry;
  const here = overlap(panel.range(), { x0: column, x1: column + 1, y0: row, y1: row + 1 });
  return here === null ? null : panel.placeOf(row, column);
}

/** Of what lies over a place: to be seen, however small that is. */
export function ringStyle({ left, top, width, height }: Place): Record<string, string> {
  return {
    left: `${left}px`,
    top: `${top}px`,
    width: `${Math.max(SMALLEST_RING_PX, width)}px`,
    height: `${Math.max(SMALLEST_RING_PX, height)}px`,
  };
}

/** The keys of the map; `act` says whether one means something here, and always is the same function. */
export function useLinkedKeys<Name extends string>(
  sides: readonly Name[],
  linked: Linked<Name>,
  handles: PaneHandles<Name>,
  act: (action: KeyAction, key: string) => boolean,
): void {
  // At once: what is pressed as soon as there is a map must not be lost.
  useLayoutEffect(() => {
    const hear = (event: KeyboardEvent): void => {
      if (event.defaultPrevented) return;
      const found = bindingOf(event, focusPlace(event.target));
      // The pointer may rest on the other side.
      linked.leader = sides.find((side) => handles[side]?.canvas === event.target) ?? linked.leader;
      if (found && act(found.action, event.key)) event.preventDefault();
    };
    document.addEventListener("keydown", hear);
    return () => {
      document.removeEventListener("keydown", hear);
    };
  }, [sides, linked, handles, act]);
}
