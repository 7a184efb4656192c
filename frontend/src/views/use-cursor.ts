/** The one cell that is looked at: by pointer or by keyboard. */
import { useRef, useState } from "preact/hooks";
import { moved, type Entry } from "../lib/cursor";
import { cellAt } from "../lib/geometry";
import type { Picture } from "../state/picture";
import type { HeatmapPanel } from "./heatmap-panel";

export interface Cursor {
  readonly entry: Entry;
  readonly by: "pointer" | "keyboard";
}

export interface CursorControl {
  readonly cursor: Cursor | null;
  readonly onPointerDown: (event: PointerEvent) => void;
  readonly onPointerMove: (event: PointerEvent) => void;
  readonly onPointerLeave: () => void;
  readonly onPointerUp: (event: PointerEvent) => void;
  readonly onClick: () => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onBlur: () => void;
}

/**
 * Cursor and the handlers that move it; `canvas` takes the focus. Keys start from `selected`; a click or Enter calls
 * `select` with the cell.
 */
export function useCursor(
  panel: HeatmapPanel | null,
  picture: Picture,
  canvas: { readonly current: HTMLCanvasElement | null },
  selected: Entry | null,
  select: (cell: number) => void,
): CursorControl {
  const [cursor, setCursor] = useState<Cursor | null>(null);
  const pressed = useRef({ x: 0, y: 0 });
  const take = (entry: Entry | null): void => {
    const cell = entry && cellAt(picture.geometry, entry.row, entry.column);
    if (cell !== null) select(cell);
  };
  const point = (event: PointerEvent): void => {
    const entry = panel?.entryAt(event.clientX, event.clientY) ?? null;
    setCursor(entry && { entry, by: "pointer" });
  };
  return {
    cursor,
    onPointerDown: ({ clientX: x, clientY: y }) => {
      pressed.current = { x, y };
    },
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
    onClick: () => {
      // Plotly holds back the click that ends a drag, and its own clicks are where the press was.
      take(panel?.entryAt(pressed.current.x, pressed.current.y) ?? null);
      canvas.current?.focus({ preventScroll: true });
    },
    onKeyDown: (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") canvas.current?.blur();
      if (event.key === "Enter") take(cursor?.entry ?? null);
      const entry = moved(event.key, picture.geometry, cursor?.entry ?? selected);
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
