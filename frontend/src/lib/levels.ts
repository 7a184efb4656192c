/**
 * The levels of a mapping's page tables, as a way from the whole to one page.
 *
 * An entry of a level of kind tables stands for a page table of 512 cells, one of kind cells for a cell, one of kind
 * parts for a piece of the one page that is looked into. In every level a row is 512 neighbouring entries.
 */
import { ENTRIES, type CellSpan } from "./geometry";
import { LEVEL_NAMES, type LevelName } from "./level-names";

export type { LevelName } from "./level-names";

export interface Level {
  readonly name: LevelName;
  readonly kind: "tables" | "cells" | "parts";
  /** Bytes that one entry maps. */
  readonly entryBytes: number;
}

/** What levels depend on. */
export interface LeveledMapping {
  readonly start: number;
  readonly page_size: number;
  readonly cell_count: number;
}

/** Where a view is in the levels. */
export interface LevelFields {
  readonly level: LevelName | null;
  readonly table: number | null;
  readonly cells: CellSpan | null;
  readonly part: number | null;
}

const SMALLEST_BYTES = 4096;
const ONE_GIB = 2 ** 30;

/** Page tables that a mapping touches. */
export function tableCount({ start, page_size, cell_count }: LeveledMapping): number {
  return Math.ceil(((Math.floor(start / page_size) % ENTRIES) + cell_count) / ENTRIES);
}

/** From the coarsest to the finest. A mapping within one page table has no level above its cells. */
export function levelsOf(mapping: LeveledMapping): readonly Level[] {
  const size = mapping.page_size;
  const names = LEVEL_NAMES.slice(size >= ONE_GIB ? 0 : 1);
  const levels: Level[] = [];
  if (tableCount(mapping) > 1) {
    levels.push({ name: names[0] ?? "pud", kind: "tables", entryBytes: size * ENTRIES });
  }
  levels.push({ name: names[1] ?? "pmd", kind: "cells", entryBytes: size });
  let bytes = size;
  for (const name of names.slice(2)) {
    bytes = Math.max(SMALLEST_BYTES, bytes / ENTRIES);
    levels.push({ name, kind: "parts", entryBytes: bytes });
  }
  return levels;
}

/**
 * The level that these fields ask for; null: none certain, what suits. A level inside of a page needs the page, and
 * its entries need their chunk; without it the level above is meant.
 */
export function levelAsked(levels: readonly Level[], fields: LevelFields): Level | null {
  const asked = levels.find(({ name }) => name === fields.level);
  const cells = levels.find(({ kind }) => kind === "cells") ?? null;
  if (asked?.kind !== "parts") return fields.table === null ? (asked ?? null) : cells;
  if (fields.cells === null) return cells;
  const parts = levels.filter(({ kind }) => kind === "parts");
  return parts.indexOf(asked) > 0 && fields.part === null ? (parts[0] ?? null) : asked;
}

/**
 * Fields of the level below, at this entry: a table of the mapping, a cell, or a part of a page. Null: this is the
 * finest.
 */
export function levelDown(
  levels: readonly Level[],
  level: Level,
  entry: number,
): Partial<LevelFields> | null {
  const below = levels[indexOf(levels, level) + 1];
  if (below === undefined) return null;
  if (level.kind === "tables") return { level: below.name, table: entry, cells: null, part: null };
  if (level.kind === "parts") return { level: below.name, part: entry };
  return { level: below.name, cells: { first: entry, count: 1 }, part: null };
}

/** Fields of the level above; null: this is the coarsest. The page or chunk that was looked into stays selected. */
export function levelUp(
  levels: readonly Level[],
  level: Level,
  fields: LevelFields,
  tableCells: (table: number) => CellSpan,
): Partial<LevelFields> | null {
  const above = levels[indexOf(levels, level) - 1];
  if (above === undefined) return null;
  if (level.kind === "cells") {
    const cells = fields.table === null ? null : tableCells(fields.table);
    return { level: above.name, table: null, cells };
  }
  return { level: above.name, part: null };
}

function indexOf(levels: readonly Level[], { name }: Level): number {
  return levels.findIndex((one) => one.name === name);
}
