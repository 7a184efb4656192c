/**
 * Which cells to ask the server for, and how coarsely: never more items than the plot has device pixels.
 *
 * All of it at the finest grain that fits. Zoomed in so that a finer grain fits for the rows in sight, these rows with
 * some on either side. Rows are what can be cut: cells travel in address order.
 */
import { ENTRIES, type CellRange } from "./geometry";
import type { LeveledMapping } from "./levels";
import { tableCount, type Level } from "./levels";

export type Shift = 0 | 3 | 6 | 9;

/** Cells `first` to `first + count`, 2**shift together. */
export interface Stretch {
  readonly first: number;
  readonly count: number;
  readonly shift: Shift;
}

/** Device pixels of the plot. */
export interface PlotPixels {
  readonly width: number;
  readonly height: number;
}

const SHIFTS = [0, 3, 6, 9] as const;
/** Where more tables than this would share a line of pixels, the level above shows more. */
const MOST_ROWS_A_PIXEL = 8;

/** The level to begin with: cells, unless there are far more tables than lines of pixels. */
export function suitingLevel(
  levels: readonly Level[],
  mapping: LeveledMapping,
  plot: PlotPixels,
): Level | undefined {
  const tables = tableCount(mapping) > plot.height * MOST_ROWS_A_PIXEL;
  return levels.find(({ kind }) => tables || kind === "cells");
}

/** Cells of these rows of the level of cells. */
export function cellsOfRows(mapping: LeveledMapping, y0: number, y1: number): Stretch {
  const column = Math.floor(mapping.start / mapping.page_size) % ENTRIES;
  const first = Math.max(0, y0 * ENTRIES - column);
  const end = Math.min(mapping.cell_count, y1 * ENTRIES - column);
  return { first, count: Math.max(1, end - first), shift: 0 };
}

/**
 * What to ask for of the level of cells within `limits`, while `seen` is in sight (null: all of it). `loaded` is kept
 * where it serves as well.
 */
export function cellsWanted(
  mapping: LeveledMapping,
  limits: CellRange,
  seen: CellRange | null,
  plot: PlotPixels,
  loaded: Stretch | null,
): Stretch {
  const pixels = Math.max(1, plot.width * plot.height);
  const fitting = (shift: Shift): number => Math.floor(pixels / (ENTRIES >> shift));
  const rows = limits.y1 - limits.y0;
  const y0 = Math.max(limits.y0, Math.floor((seen ?? limits).y0 + 1e-6));
  const y1 = Math.max(y0 + 1, Math.min(limits.y1, Math.ceil((seen ?? limits).y1 - 1e-6)));
  const shift = SHIFTS.find((one) => y1 - y0 <= fitting(one)) ?? 9;
  const serves = loaded?.shift === shift && loaded.count >> shift <= pixels;
  if (serves && holds(loaded, cellsOfRows(mapping, y0, y1))) return loaded;
  if (rows <= fitting(shift)) return { ...cellsOfRows(mapping, limits.y0, limits.y1), shift };
  const margin = Math.max(0, Math.min(y1 - y0, Math.floor((fitting(shift) - (y1 - y0)) / 2)));
  const [low, high] = [Math.max(limits.y0, y0 - margin), Math.min(limits.y1, y1 + margin)];
  return { ...cellsOfRows(mapping, low, high), shift };
}

/** Whether all of `inner` is in `outer`. */
export function holds(outer: Stretch, inner: Stretch): boolean {
  return inner.first >= outer.first && inner.first + inner.count <= outer.first + outer.count;
}
