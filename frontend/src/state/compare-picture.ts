/**
 * One side of a comparison as a picture of the map: what changed in its own colours, what did not is left in the background
 * as the map's filter leaves it, and what cannot be compared is hatched.
 */
import { mix, rgb } from "../lib/color";
import {
  NO_CELL,
  SIDE_NAMES,
  type CellPlaces,
  type SideColumns,
  type SideName,
} from "../lib/compare";
import { tableGeometry } from "../lib/geometry";
import { itemGrid, type ItemGrid } from "../lib/item-grid";
import { legendOf } from "../lib/legend";
import { levelsOf } from "../lib/levels";
import {
  dimmed,
  MIGRATING,
  NO_PAGE,
  PAINT_OF_STATE,
  PARTIAL,
  POISONED,
  SHARED_TABLE,
  unloadedColor,
  WRITE_PROTECTED,
  type Paint,
  type Paints,
  type Theme,
} from "../lib/palette";
import { CellFlag, CellState } from "../wire/generated";
import type { MappingInfo, MappingRef } from "../wire/types";
import { CellItems } from "./cells";
import { PaintedItems } from "./painted";
import { Picture } from "./picture";

/** A hole here and none on the other side: it must not look like what did not change. */
export const EMPTY = 30;
/** This side has no cell there. */
export const ABSENT = 31;
/** These many higher: a paint that did not change, and one that the other side has no cell for. */
export const SAME = 64;
export const ALONE = 128;

const FEWEST = 4;
const MOST = 512;
/** Rows are that much longer than they are many, as panes are wider than high. */
const ASPECT = 1.5;

/** Cells in a row of both maps. */
export function cellsPerRow(count: number): number {
  const power = Math.round(Math.log2(Math.sqrt(Math.max(1, count) * ASPECT)));
  return Math.min(MOST, Math.max(FEWEST, 2 ** power));
}

/** Paint of a side's cell by what it is, as the map has it. */
export function cellPaint({ state, flags, level }: SideColumns, at: number): number {
  const one = state[at] ?? NO_CELL;
  const paint = PAINT_OF_STATE[one] ?? ABSENT;
  if (one === NO_CELL || paint >= MIGRATING || one === CellState.HOLE) return paint;
  if (one === CellState.PARTIAL) return PARTIAL + (level[at] ?? 0);
  const flagged = (flag: number): boolean =>
    one !== CellState.MARKER && ((flags[at] ?? 0) & flag) !== 0;
  if (flagged(CellFlag.WRITE_PROTECTED)) return WRITE_PROTECTED;
  return flagged(CellFlag.SHARED_TABLE) ? SHARED_TABLE : paint;
}

/** Paint of a place on this side, by what became of it too. */
export function placePaint(places: CellPlaces, side: SideName, at: number): number {
  const paint = cellPaint(places[side], at);
  if (paint === ABSENT || paint >= MIGRATING) return paint;
  const other = places[side === "a" ? "b" : "a"];
  if (other.state[at] === NO_CELL) return ALONE + paint;
  if (places.changed[at] !== 1) return SAME + paint;
  return paint === NO_PAGE && other.state[at] !== CellState.HOLE ? EMPTY : paint;
}

/** Both mappings on the same axes. */
export interface Axes {
  readonly perRow: number;
  /** Address of the first place on each side; null: offsets, as rows of both do not begin alike. */
  readonly starts: Readonly<Record<SideName, number>> | null;
}

/** Rows are of addresses where those of both sides begin at the same place in a row. */
export function axesFor(places: CellPlaces, a: MappingRef, b: MappingRef): Axes {
  const perRow = cellsPerRow(places.count);
  const first = (ref: MappingRef, { shift }: SideColumns): number =>
    (Math.floor(ref.start / ref.page_size) - shift) * ref.page_size;
  const starts = { a: first(a, places.a), b: first(b, places.b) };
  const column = (start: number): number => Math.floor(start / a.page_size) % perRow;
  const alike = column(starts.a) === column(starts.b) && Math.min(starts.a, starts.b) >= 0;
  return { perRow, starts: alike ? starts : null };
}

class SideItems extends CellItems {
  override readonly grid: ItemGrid;
  override complete = true;

  constructor(
    public paints: Uint8Array,
    info: MappingInfo,
    perRow: number,
  ) {
    super({ first: 0, count: paints.length, shift: 0 }, info.page_size, info.start);
    const { firstColumn } = tableGeometry(info.start, info.page_size, paints.length, perRow);
    this.grid = itemGrid(1, firstColumn, paints.length, perRow);
  }

  override paint(_mode: string, item: number): number {
    return this.paints[item] ?? ABSENT;
  }
}

/** What one side shows. */
export class ComparePicture extends Picture {
  readonly #items: SideItems;

  constructor(
    places: CellPlaces,
    readonly side: SideName,
    ref: MappingRef,
    hostId: string,
    readonly axes: Axes,
  ) {
    const { perRow } = axes;
    const info = infoOf(ref, axes.starts?.[side] ?? 0, places.count);
    const level = levelsOf(info).find(({ kind }) => kind === "cells");
    if (level === undefined) throw new Error("a mapping has no level of cells");
    const address = { hostId, pid: ref.pid, start: ref.start };
    super(address, info, { level, table: null, page: null, perRow }, "state");
    this.#items = new SideItems(paintsOfSide(places, side), info, perRow);
    this.painted = new PaintedItems(this.#items, "state", null, 0);
  }

  /** Show another answer about the same mapping; false: it lies elsewhere, and needs a picture of its own. */
  take(places: CellPlaces, ref: MappingRef, hostId: string, axes: Axes): boolean {
    const start = axes.starts?.[this.side] ?? 0;
    const address = { hostId, pid: ref.pid, start: ref.start };
    const fits = this.fits(address, infoOf(ref, start, places.count));
    if (!fits || this.address.start !== ref.start) return false;
    this.#items.paints = paintsOfSide(places, this.side);
    this.renew(null);
    return true;
  }

  override paints(theme: Theme): Paints {
    return sidePaints(super.paints(theme), theme);
  }
}

function paintsOfSide(places: CellPlaces, side: SideName): Uint8Array {
  return Uint8Array.from({ length: places.count }, (_, at) => placePaint(places, side, at));
}

/** The map's own paints, and what a comparison adds to them: as drawn, so that the legend shows what the maps do. */
export function sidePaints(own: Paints, theme: Theme): Paints {
  const paints: (Paint | undefined)[] = [...own];
  const ink = rgb(theme === "light" ? "#101418" : "#ffffff");
  const hole = own[NO_PAGE]?.color ?? ink;
  const cell = (key: string, label: string, color: Paint["color"]): Paint => ({
    key,
    label,
    color,
    pattern: "unknown",
  });
  paints[EMPTY] = cell("empty", "hole here, and none on the other side", mix(hole, ink, 0.4));
  paints[ABSENT] = cell("absent", "no such cell on this side", unloadedColor(theme));
  own.forEach((paint, at) => {
    if (paint === undefined || at >= EMPTY) return;
    const faded = dimmed(paint.color, at, theme);
    paints[SAME + at] = { key: "same", label: "unchanged", color: faded, pattern: "none" };
    const label = `${paint.label}; the other side has no such cell`;
    paints[ALONE + at] = { ...paint, key: `alone/${paint.key}`, label, pattern: "unknown" };
  });
  return paints;
}

const DANGER = [POISONED, MIGRATING];

/** A line of the legend, with how many cells each side has of it. */
export interface CompareLine extends Paint {
  readonly counts: Readonly<Record<SideName, number>>;
}

/** The classes that occur on either side. What did not change has the colour that most of it is drawn with. */
export function compareLegend(
  pictures: Readonly<Record<SideName, ComparePicture>>,
  theme: Theme,
): CompareLine[] {
  const paints = pictures.a.paints(theme);
  const [a, b] = SIDE_NAMES.map((side) => pictures[side].painted?.counts ?? new Uint32Array(256));
  const both = Uint32Array.from({ length: 256 }, (_, at) => (a?.[at] ?? 0) + (b?.[at] ?? 0));
  const kept = span(SAME, EMPTY).sort((one, other) => (both[one] ?? 0) - (both[other] ?? 0));
  const order = [...DANGER, EMPTY, ...span(0, EMPTY), ...span(ALONE, EMPTY), ...kept, ABSENT];
  const count = (counts: Uint32Array | undefined, key: string): number =>
    counts?.reduce((sum, one, at) => sum + (paints[at]?.key === key ? one : 0), 0) ?? 0;
  return legendOf(paints, both, order).map((line) => ({
    ...line,
    counts: { a: count(a, line.key), b: count(b, line.key) },
  }));
}

function span(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => first + at);
}

function infoOf(ref: MappingRef, start: number, count: number): MappingInfo {
  return {
    id: 0,
    start,
    end: start + count * ref.page_size,
    page_size: ref.page_size,
    kind: ref.kind,
    cell_count: count,
    shared: false,
    backing: ref.backing,
    vm_flags: null,
    level_bytes: { pud: null, pmd: null, pte: null },
    guest: null,
  };
}
