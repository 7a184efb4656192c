/** The one cell that is looked at: by pointer or by keyboard. */
import { useState } from "preact/hooks";
import { moved, type Entry } from "../lib/cursor";
import type { Picture } from "../state/picture";
import type { HeatmapPanel } from "./heatmap-panel";

export interface Cursor {
  readonly entry: Entry;
  readonly by: "pointer" | "keyboard";
}

export interface CursorControl {
  readonly cursor: Cursor | null;
  readonly onPointerMove: (event: PointerEvent) => void;
  readonly onPointerLeave: () => void;
  readonly onPointerUp: (event: PointerEvent) => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onBlur: () => void;
}

/** Cursor and the handlers that move it; `canvas` takes the focus. */
export function useCursor(
  panel: HeatmapPanel | null,
  picture: Picture,
  canvas: { readonly current: HTMLCanvasElement | null },
): CursorControl {
  const [cursor, setCursor] = useState<Cursor | null>(null);
  const point = (event: PointerEvent): void => {
    const entry = panel?.entryAt(event.clientX, event.clientY) ?? null;
    setCursor(entry && { entry, by: "pointer" });
  };
  return {
    cursor,
    onPointerMove: (event) => {
      // A drag moves the axes, and a finger hides what it points at.
      if (event.buttons === 0 && event.pointerType !== "touch") point(event);
    },
    onPointerLeave: () => {
      setCursor((old) => (old?.by === "keyboard" ? old : null));
    },
    onPointerUp: (event) => {
      point(event);
      canvas.current?.focus({ preventScroll: true });
    },
    onKeyDown: (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") canvas.current?.blur();
      const entry = moved(event.key, picture.geometry, cursor?.entry ?? null);
      if (entry === undefined) return;
      event.preventDefault();
      setCursor({ entry, by: "keyboard" });
      panel?.reveal(entry.row, entry.column);
    },
    onBlur: () => {
      setCursor(null);
    },
  };
}
