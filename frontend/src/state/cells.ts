/** The cells of the mapping on screen, or a stretch of them, as columns that frames write into. */
import { itemGrid, type ItemGrid } from "../lib/item-grid";
import { ENTRIES } from "../lib/geometry";
import { paintOf, type ColorMode } from "../lib/palette";
import { checkFits, wholePages, type Block, type Frame } from "../wire/frames";
import { FrameError } from "../wire/frame-error";
import { CellState, Encoding, UNKNOWN_COUNT, UNKNOWN_NODE } from "../wire/generated";
import type { Viewed } from "../wire/types";
import { changedAtS, ItemList, NEVER, type Items } from "./items";

const STATE_COUNT = Object.keys(CellState).length;

/** Arrays of equal length, one element a cell in view; meanings as in agent/hugescope_wire/cells.py. */
export interface CellColumns {
  readonly mappedPages: Uint32Array;
  readonly mapcount: Uint16Array;
  readonly mappers: Uint16Array;
  readonly state: Uint8Array;
  readonly flags: Uint8Array;
  readonly node: Uint8Array;
}

/** Holds the cells of one view and what can be summed up over them. Item `n` is cell `view.first + n`. */
export class CellItems implements Items {
  readonly kind = "cells";
  readonly columns: CellColumns;
  readonly stateCounts = new Uint32Array(STATE_COUNT);
  readonly changedAt: Float32Array;
  readonly grid: ItemGrid;
  presentPages = 0;
  complete = false;
  alike: Uint32Array | null = null;

  #changed = new ItemList();
  /** By state. */
  readonly #wholePages: Uint32Array;

  /** `start` is the mapping's. */
  constructor(
    readonly view: Viewed,
    readonly pageSize: number,
    start: number,
  ) {
    const { first, count } = view;
    this.columns = {
      mappedPages: new Uint32Array(count),
      mapcount: new Uint16Array(count).fill(UNKNOWN_COUNT),
      mappers: new Uint16Array(count).fill(UNKNOWN_COUNT),
      state: new Uint8Array(count),
      flags: new Uint8Array(count),
      node: new Uint8Array(count).fill(UNKNOWN_NODE),
    };
    this.changedAt = new Float32Array(count).fill(NEVER);
    this.grid = itemGrid(1, (Math.floor(start / pageSize) % ENTRIES) + first, count);
    this.stateCounts[CellState.HOLE] = count;
    this.#wholePages = this.stateCounts.map((_, state) => wholePages(state, pageSize));
  }

  /**
   * Of the frame that makes it complete no item is named: all are new. Throws `FrameError` when a block does not fit,
   * before any cell is written.
   */
  apply(frame: Frame, mappingId: number, nowS: number): Uint32Array {
    const blocks = frame.blocks.filter((block) => block.mappingId === mappingId);
    for (const block of blocks) this.#check(block);
    this.#changed.clear();
    this.alike = null;
    for (const block of blocks) {
      const whole = block.covered === this.view.count;
      if (whole && !this.complete) this.#takeWhole(block, nowS);
      else this.#applyRows(block, nowS);
      if (whole) this.complete = true;
    }
    return this.#changed.items;
  }

  paint(mode: ColorMode, item: number, _shown: Uint8Array | null, nowS: number): number {
    const ageS = mode === "age" ? nowS - (this.changedAt[item] ?? NEVER) : 0;
    return paintOf(mode, this.columns, item, this.pageSize, ageS);
  }

  #check(block: Block): void {
    const { first, count } = this.view;
    checkFits(block, first + count, this.pageSize);
    const begin = block.index ? (block.index[0] ?? first) : block.first;
    if (block.covered > 0 && begin < first) {
      throw new FrameError("bad_block", `cell ${begin} before the view`);
    }
  }

  /** Whatever was there is forgotten. */
  #takeWhole(block: Block, nowS: number): void {
    const { columns, stateCounts } = this;
    const { changedAgo } = block;
    const pages = this.#pagesOf(block);
    const starts = startsOf(block, this.view.first);
    stateCounts.fill(0);
    let present = 0;
    for (let row = 0; row < pages.length; row++) {
      const state = block.state[row] ?? 0;
      const count = starts ? (starts[row + 1] ?? block.covered) - (starts[row] ?? 0) : 1;
      stateCounts[state] = (stateCounts[state] ?? 0) + count;
      present += count * (pages[row] ?? 0);
    }
    this.presentPages = present;
    for (const name of COLUMNS) spread(block[name], columns[name], starts);
    spread(pages, columns.mappedPages, starts);
    const ages = new Float32Array(pages.length).fill(nowS);
    for (let row = 0; changedAgo && row < ages.length; row++) {
      ages[row] = changedAtS(changedAgo[row] ?? 0, nowS);
    }
    spread(ages, this.changedAt, starts);
    this.alike = starts;
  }

  /** Without branches on what cells are: where these lie far apart, the many waits for memory then overlap. */
  #applyRows(block: Block, nowS: number): void {
    if (block.encoding === Encoding.RUNS) {
      this.#applyRows(denseOf(block), nowS);
      return;
    }
    const { changedAt, stateCounts } = this;
    const { state, mapcount, mappers, flags, node, mappedPages } = this.columns;
    const { index, covered, changedAgo } = block;
    const pages = this.#pagesOf(block);
    const shift = block.first - this.view.first;
    const first = this.view.first;
    for (let row = 0; row < covered; row++) {
      const item = index ? (index[row] ?? 0) - first : row + shift;
      const oldState = state[item] ?? 0;
      const oldPages = mappedPages[item] ?? 0;
      const newState = block.state[row] ?? 0;
      const newPages = pages[row] ?? 0;
      const differs =
        (oldState ^ newState) |
        (oldPages ^ newPages) |
        ((mapcount[item] ?? 0) ^ (block.mapcount[row] ?? 0)) |
        ((mappers[item] ?? 0) ^ (block.mappers[row] ?? 0)) |
        ((flags[item] ?? 0) ^ (block.flags[row] ?? 0)) |
        ((node[item] ?? 0) ^ (block.node[row] ?? 0));
      if (changedAgo) changedAt[item] = changedAtS(changedAgo[row] ?? 0, nowS);
      else if (differs !== 0 || index) changedAt[item] = nowS;
      if (differs === 0) continue;
      stateCounts[oldState] = (stateCounts[oldState] ?? 0) - 1;
      stateCounts[newState] = (stateCounts[newState] ?? 0) + 1;
      this.presentPages += newPages - oldPages;
      state[item] = newState;
      mappedPages[item] = newPages;
      mapcount[item] = block.mapcount[row] ?? 0;
      mappers[item] = block.mappers[row] ?? 0;
      flags[item] = block.flags[row] ?? 0;
      node[item] = block.node[row] ?? 0;
      this.#changed.add(item);
    }
  }

  /** Present 4 KiB pages of each row. */
  #pagesOf({ mappedPages, state }: Block): Uint32Array {
    if (mappedPages !== null) return mappedPages;
    const pages = new Uint32Array(state.length);
    for (let row = 0; row < pages.length; row++)
      pages[row] = this.#wholePages[state[row] ?? 0] ?? 0;
    return pages;
  }
}

/** All but the pages, which may not be sent. */
const COLUMNS = ["state", "mapcount", "mappers", "flags", "node"] as const;

type Column = Uint8Array | Uint16Array | Uint32Array;

/** Where each run begins, from the first item on; null: each row is an item. */
function startsOf({ encoding, index }: Block, first: number): Uint32Array | null {
  return encoding === Encoding.RUNS && index ? index.map((cell) => cell - first) : null;
}

/** Write rows to all items, each to as many as its run has. */
function spread<T extends Column | Float32Array>(
  rows: T,
  into: T,
  starts: Uint32Array | null,
): void {
  if (starts === null) {
    into.set(rows);
    return;
  }
  for (let row = 0; row < rows.length; row++) {
    into.fill(rows[row] ?? 0, starts[row], starts[row + 1] ?? into.length);
  }
}

/** The same block with a row for each cell. */
function denseOf(block: Block): Block {
  const { covered, mappedPages, changedAgo } = block;
  const starts = startsOf(block, block.first);
  const wide = <T extends Column>(rows: T, into: T): T => {
    spread(rows, into, starts);
    return into;
  };
  const bytes = (rows: Uint8Array): Uint8Array => wide(rows, new Uint8Array(covered));
  const shorts = (rows: Uint16Array): Uint16Array => wide(rows, new Uint16Array(covered));
  return {
    ...block,
    encoding: Encoding.DENSE,
    index: null,
    mappedPages: mappedPages && wide(mappedPages, new Uint32Array(covered)),
    changedAgo: changedAgo && wide(changedAgo, new Uint32Array(covered)),
    mapcount: shorts(block.mapcount),
    mappers: shorts(block.mappers),
    state: bytes(block.state),
    flags: bytes(block.flags),
    node: bytes(block.node),
  };
}
