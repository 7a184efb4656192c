/** The cells of the mapping on screen, as columns that frames write into. */
import { checkFits, wholePages, type Block } from "../wire/frames";
import { CellState, Encoding, UNKNOWN_COUNT, UNKNOWN_NODE } from "../wire/generated";

const STATE_COUNT = Object.keys(CellState).length;

/** Arrays of equal length, by cell index; meanings as in agent/hugescope_wire/cells.py. */
export interface CellColumns {
  readonly mappedPages: Uint32Array;
  readonly mapcount: Uint16Array;
  readonly mappers: Uint16Array;
  readonly state: Uint8Array;
  readonly flags: Uint8Array;
  readonly node: Uint8Array;
}

/** Holds every cell of one mapping and what can be summed up over them. */
export class MappingCells {
  readonly columns: CellColumns;
  /** Cells in each state, by `CellState`. */
  readonly stateCounts = new Uint32Array(STATE_COUNT);
  /** Present 4 KiB pages of all cells. */
  presentPages = 0;
  /** Whether a frame with every cell came; before that, nothing here is true. */
  complete = false;

  #changed = new Uint32Array(1024);
  #changedCount = 0;

  constructor(
    readonly cellCount: number,
    readonly pageSize: number,
  ) {
    this.columns = {
      mappedPages: new Uint32Array(cellCount),
      mapcount: new Uint16Array(cellCount).fill(UNKNOWN_COUNT),
      mappers: new Uint16Array(cellCount).fill(UNKNOWN_COUNT),
      state: new Uint8Array(cellCount),
      flags: new Uint8Array(cellCount),
      node: new Uint8Array(cellCount).fill(UNKNOWN_NODE),
    };
    this.stateCounts[CellState.HOLE] = cellCount;
  }

  /**
   * Take the blocks of one frame in.
   *
   * Returns the cells that are other than before; the array is valid until the next call.
   * Throws `FrameError` when a block does not fit, before any cell is written.
   */
  apply(blocks: readonly Block[]): Uint32Array {
    for (const block of blocks) checkFits(block, this.cellCount, this.pageSize);
    this.#changedCount = 0;
    for (const block of blocks) {
      if (block.encoding === Encoding.RUNS) this.#applyRuns(block);
      else this.#applyRows(block);
      if (block.covered === this.cellCount) this.complete = true;
    }
    return this.#changed.subarray(0, this.#changedCount);
  }

  #applyRows(block: Block): void {
    const { index, first } = block;
    for (let row = 0; row < block.covered; row++) {
      this.#write(index ? (index[row] ?? 0) : first + row, block, row);
    }
  }

  #applyRuns(block: Block): void {
    const index = block.index ?? new Uint32Array(0);
    const end = block.first + block.covered;
    for (let row = 0; row < index.length; row++) {
      const stop = index[row + 1] ?? end;
      for (let cell = index[row] ?? end; cell < stop; cell++) this.#write(cell, block, row);
    }
  }

  #write(cell: number, block: Block, row: number): void {
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
      return;
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
    this.#note(cell);
  }

  #note(cell: number): void {
    if (this.#changedCount === this.#changed.length) {
      const wider = new Uint32Array(this.#changed.length * 4);
      wider.set(this.#changed);
      this.#changed = wider;
    }
    this.#changed[this.#changedCount++] = cell;
  }
}
