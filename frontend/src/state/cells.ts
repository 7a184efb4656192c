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

  #changed = new ItemList();

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
  }

  /** Throws `FrameError` when a block does not fit, before any cell is written. */
  apply(frame: Frame, mappingId: number, nowS: number): Uint32Array {
    const blocks = frame.blocks.filter((block) => block.mappingId === mappingId);
    for (const block of blocks) this.#check(block);
    this.#changed.clear();
    for (const block of blocks) {
      if (block.encoding === Encoding.RUNS) this.#applyRuns(block, nowS);
      else this.#applyRows(block, nowS);
      if (block.covered === this.view.count) this.complete = true;
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

  #applyRows(block: Block, nowS: number): void {
    const { index, changedAgo } = block;
    const offset = this.view.first;
    for (let row = 0; row < block.covered; row++) {
      const item = (index ? (index[row] ?? 0) : block.first + row) - offset;
      const changed = this.#write(item, block, row);
      if (changedAgo) this.changedAt[item] = changedAtS(changedAgo[row] ?? 0, nowS);
      else if (changed || index) this.changedAt[item] = nowS;
    }
  }

  #applyRuns(block: Block, nowS: number): void {
    const index = block.index ?? new Uint32Array(0);
    const { changedAgo } = block;
    const offset = this.view.first;
    const end = block.first + block.covered;
    for (let row = 0; row < index.length; row++) {
      const stop = (index[row + 1] ?? end) - offset;
      for (let item = (index[row] ?? end) - offset; item < stop; item++) {
        const changed = this.#write(item, block, row);
        if (changedAgo) this.changedAt[item] = changedAtS(changedAgo[row] ?? 0, nowS);
        else if (changed) this.changedAt[item] = nowS;
      }
    }
  }

  /** Whether anything is other than before. */
  #write(cell: number, block: Block, row: number): boolean {
    const into = this.columns;
    const state = block.state[row] ?? 0;
    const pages = block.mappedPages
      ? (block.mappedPages[row] ?? 0)
      : wholePages(state, this.pageSize);
    const mapcount = block.mapcount[row] ?? 0;
    const mappers = block.mappers[row] ?? 0;
    const flags = block.flags[row] ?? 0;
    const node = block.node[row] ?? 0;
    const oldState = into.state[cell] ?? 0;
    const oldPages = into.mappedPages[cell] ?? 0;
    if (
      oldState === state &&
      oldPages === pages &&
      into.mapcount[cell] === mapcount &&
      into.mappers[cell] === mappers &&
      into.flags[cell] === flags &&
      into.node[cell] === node
    ) {
      return false;
    }
    this.stateCounts[oldState] = (this.stateCounts[oldState] ?? 0) - 1;
    this.stateCounts[state] = (this.stateCounts[state] ?? 0) + 1;
    this.presentPages += pages - oldPages;
    into.state[cell] = state;
    into.mappedPages[cell] = pages;
    into.mapcount[cell] = mapcount;
    into.mappers[cell] = mappers;
    into.flags[cell] = flags;
    into.node[cell] = node;
    this.#changed.add(cell);
    return true;
  }
}
