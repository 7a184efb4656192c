/** Which level and which cells the route and the panel together call for. */
import {
  ENTRIES,
  fullRange,
  tableGeometry,
  type CellRange,
  type TableGeometry,
} from "../lib/geometry";
import {
  levelAsked,
  levelsOf,
  tableCount,
  type Level,
  type LeveledMapping,
  type LevelName,
} from "../lib/levels";
import { cellsWanted, suitingLevel, type PlotPixels, type Stretch } from "../lib/view-choice";
import type { View } from "../wire/types";
import type { MapRoute } from "./route";

/** Which level of a mapping, and which part of it. */
export interface Place {
  /** Cells in a row, where rows are no page tables. */
  readonly perRow?: number;
  readonly level: Level;
  /** The one page table that is shown; null: all. */
  readonly table: number | null;
  /** The page that is looked into, and the chunk of it whose entries are shown; null on levels above. */
  readonly page: { readonly cell: number; readonly part: number | null } | null;
}

/** Updates a second at most. */
const RATE_HZ = 20;
/** What is not plot of a window, before the panel tells. */
const BESIDE_PX = 256;
const ABOVE_PX = 504;

/** Remembers what the panel shows, and decides. */
export class Viewing {
  /** Device pixels of the plot: an estimate until a panel says. */
  plot: PlotPixels = estimate();
  /** What the panel shows; null: all. */
  seen: CellRange | null = null;
  /** The level that suits stays the one that suited at first, whatever becomes of the window. */
  #suits: { readonly key: string; readonly name: LevelName } | null = null;

  /** The level and part that a route is about. */
  placeOf(route: MapRoute, mapping: LeveledMapping): Place {
    const levels = levelsOf(mapping);
    const inside = route.cells !== null && route.cells.first < mapping.cell_count;
    const fields = {
      level: route.level,
      table: route.table !== null && route.table < tableCount(mapping) ? route.table : null,
      cells: inside ? route.cells : null,
      part: route.part !== null && route.part < ENTRIES ? route.part : null,
    };
    const level = levelAsked(levels, fields) ?? this.#suiting(levels, mapping);
    const parts = levels.filter(({ kind }) => kind === "parts");
    return {
      level,
      table: level.kind === "tables" ? null : fields.table,
      page:
        level.kind === "parts" && fields.cells !== null
          ? {
              cell: fields.cells.first,
              part: parts.indexOf(level) > 0 ? fields.part : null,
            }
          : null,
    };
  }

  /**
   * What to ask the server for. `asked`: what it was asked for last of this mapping. While paused it sends the first
   * frame of a view and no more.
   */
  viewOf(mapping: LeveledMapping, place: Place, asked: Stretch | null, paused: boolean): View {
    const { first, count, shift } = this.#wanted(mapping, place, asked);
    return { first, count, shift, rate_hz: paused ? 0 : RATE_HZ };
  }

  #wanted(mapping: LeveledMapping, place: Place, asked: Stretch | null): Stretch {
    const { level, table, page } = place;
    if (page !== null) return { first: page.cell, count: 1, shift: 0 };
    if (level.kind === "tables") return { first: 0, count: mapping.cell_count, shift: 9 };
    // The legend of one table must not count the others: only just its cells will do.
    const kept = table === null ? asked : null;
    return cellsWanted(mapping, limitsOf(mapping, place), this.seen, this.plot, kept);
  }

  #suiting(levels: readonly Level[], mapping: LeveledMapping): Level {
    const key = `${mapping.start}/${mapping.cell_count}`;
    const kept = this.#suits?.key === key ? this.#suits.name : null;
    const level =
      levels.find(({ name }) => name === kept) ?? suitingLevel(levels, mapping, this.plot);
    if (level === undefined) throw new Error("a mapping has no level of cells");
    this.#suits = { key, name: level.name };
    return level;
  }
}

/** The axes of a level of cells, restricted to one table where that is all that is shown. */
export function limitsOf(mapping: LeveledMapping, { table, perRow }: Place): CellRange {
  const { start, page_size: size, cell_count: count } = mapping;
  const all = fullRange(tableGeometry(start, size, count, perRow));
  return table === null ? all : { ...all, y0: table, y1: table + 1 };
}

/** The axes of a place, in entries of its level. */
export function axesOf(mapping: LeveledMapping, { level, page, perRow }: Place): TableGeometry {
  const { start, page_size: size, cell_count: count } = mapping;
  if (level.kind === "cells") return tableGeometry(start, size, count, perRow);
  if (level.kind === "tables") {
    return tableGeometry(start, level.entryBytes, tableCount(mapping));
  }
  const at = Math.floor(start / size) * size + (page?.cell ?? 0) * size;
  const { entryBytes } = level;
  // Entries of a chunk, or the parts of the whole page.
  const bytes = Math.min(size, entryBytes * ENTRIES);
  const begin = at + (page?.part ?? 0) * bytes * (bytes < size ? 1 : 0);
  return {
    ...tableGeometry(begin, entryBytes, bytes / entryBytes),
    firstColumn: 0,
    tableVa: begin,
  };
}

/** Whether both show the same. */
export function samePlace(a: Place, b: Place): boolean {
  return (
    a.level.name === b.level.name &&
    a.table === b.table &&
    a.page?.cell === b.page?.cell &&
    a.page?.part === b.page?.part
  );
}

/** Whether both are the same cells at the same grain. */
export function sameStretch(a: Stretch, b: Stretch): boolean {
  return a.first === b.first && a.count === b.count && a.shift === b.shift;
}

/** The cells of a view that was asked for; null where it was not said how many. */
export function stretchOf(view: View | null): Stretch | null {
  if (view?.count == null) return null;
  return { first: view.first, count: view.count, shift: view.shift };
}

function estimate(): PlotPixels {
  if (typeof window === "undefined") return { width: 1024, height: 580 };
  const { innerWidth, innerHeight, devicePixelRatio } = window;
  return {
    width: Math.max(64, innerWidth - BESIDE_PX) * devicePixelRatio,
    height: Math.max(64, innerHeight - ABOVE_PX) * devicePixelRatio,
  };
}
