/** The cells of the mapping on screen, or a stretch of them, as columns that frames write into. */
import { itemGrid, type ItemGrid } from "../lib/item-grid";
import { ENTRIES } from "../lib/geometry";
import { paintOf, type ColorMode } from "../lib/palette";
import { checkFits, wholePages, type Block, type Frame } from "../wire/frames";
import { FrameError } from "../wire/frame-error";
import { CellState, Encoding } from "../wire/generated";
import type { Viewed } from "../wire/types";
import { CellRecords, rowWords, stateIn, type RowWords } from "./cell-records";
import { changedAtS, ItemList, type Items } from "./items";

const STATE_COUNT = Object.keys(CellState).length;

/** Holds the cells of one view and what can be summed up over them. Item `n` is cell `view.first + n`. */
export class CellItems implements Items {
  readonly kind = "cells";
  readonly cells: CellRecords;
  readonly stateCounts = new Uint32Array(STATE_COUNT);
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
    this.cells = new CellRecords(count);
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
    return paintOf(mode, this.cells, item, this.pageSize, nowS);
  }

  changedAt(item: number): number {
    return this.cells.changedAt(item);
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
    const { cells, stateCounts } = this;
    const { changedAgo } = block;
    const rows = rowWords(block, this.#pagesOf(block));
    const starts = startsOf(block, this.view.first);
    stateCounts.fill(0);
    let present = 0;
    for (let row = 0; row < block.state.length; row++) {
      const first = starts ? (starts[row] ?? 0) : row;
      const end = starts ? (starts[row + 1] ?? block.covered) : row + 1;
      const state = block.state[row] ?? 0;
      stateCounts[state] = (stateCounts[state] ?? 0) + end - first;
      present += (end - first) * (rows.pages[row] ?? 0);
      const atS = changedAgo ? changedAtS(changedAgo[row] ?? 0, nowS) : nowS;
      cells.fill(first, end, rows, row, atS);
    }
    this.presentPages = present;
    this.alike = starts;
  }

  #applyRows(block: Block, nowS: number): void {
    const { index, code, covered, changedAgo } = block;
    const shift = (index ? 0 : block.first) - this.view.first;
    const rows = rowWords(block, this.#pagesOf(block));
    const runs = block.encoding === Encoding.RUNS;
    if (!runs) this.#uncount(index, shift, covered);
    for (let at = 0; at < (runs ? rows.pages.length : covered); at++) {
      const first = (index ? (index[at] ?? 0) : at) + shift;
      const end = runs ? (index?.[at + 1] ?? block.first + covered) + shift : first + 1;
      const row = code ? (code[at] ?? 0) : at;
      if (runs) this.#uncount(null, first, end - first);
      for (let item = first; item < end; item++) {
        const state = this.cells.state(item);
        this.stateCounts[state] = (this.stateCounts[state] ?? 0) - 1;
        const differs = this.cells.put(item, rows, row);
        if (differs) this.#changed.add(item);
        if (changedAgo) this.cells.setTime(item, changedAtS(changedAgo[row] ?? 0, nowS));
        else if (differs || (index && !runs)) this.cells.setTime(item, nowS);
      }
      this.#count(rows, row, end - first);
    }
  }

  /**
   * Take the pages of cells out of the sum. This reads and does nothing else: where cells lie far apart, the many waits
   * for memory then overlap, and who writes to them next waits no more.
   */
  #uncount(index: Uint32Array | null, shift: number, covered: number): void {
    let pages = 0;
    for (let at = 0; at < covered; at++) {
      pages += this.cells.mappedPages((index ? (index[at] ?? 0) : at) + shift);
    }
    this.presentPages -= pages;
  }

  /** So many cells are as this row says. */
  #count({ pages, kinds }: RowWords, row: number, cells: number): void {
    const state = stateIn(kinds[row] ?? 0);
    this.stateCounts[state] = (this.stateCounts[state] ?? 0) + cells;
    this.presentPages += cells * (pages[row] ?? 0);
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

/** Where each run begins, from the first item on; null: each row is an item. */
function startsOf({ encoding, index }: Block, first: number): Uint32Array | null {
  return encoding === Encoding.RUNS && index ? index.map((cell) => cell - first) : null;
}
