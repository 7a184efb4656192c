/**
 * What is known of each cell, in one record of four words: cells that change lie far apart in memory, and each then
 * costs one wait for it, not one a column.
 */
import { UNKNOWN_COUNT, UNKNOWN_NODE } from "../wire/generated";
import { NEVER } from "./items";

const WORDS = 4;
const PAGES = 0;
const COUNTS = 1;
const KIND = 2;
const TIME = 3;
/** Records that are written one by one before what is there is copied. */
const WRITTEN_EACH = 32;

/** Rows as words, one of each a row: 4 KiB pages, both counts, and flags with state and node. */
export interface RowWords {
  readonly pages: Uint32Array;
  readonly counts: Uint32Array;
  readonly kinds: Uint32Array;
}

/** The columns of rows as they travel; meanings as in agent/hugescope_wire/cells.py. */
export interface RowColumns {
  readonly mapcount: Uint16Array;
  readonly mappers: Uint16Array;
  readonly state: Uint8Array;
  readonly flags: Uint8Array;
  readonly node: Uint8Array;
}

/** Rows as words; `pages` of each row beside its columns. */
export function rowWords(rows: RowColumns, pages: Uint32Array): RowWords {
  const count = rows.state.length;
  const counts = new Uint32Array(count);
  const kinds = new Uint32Array(count);
  for (let row = 0; row < count; row++) {
    counts[row] = (rows.mapcount[row] ?? 0) | ((rows.mappers[row] ?? 0) << 16);
    const kind = (rows.flags[row] ?? 0) | ((rows.state[row] ?? 0) << 8);
    kinds[row] = kind | ((rows.node[row] ?? 0) << 16);
  }
  return { pages, counts, kinds };
}

/** State of a cell, from its word. */
export function stateIn(kind: number): number {
  return (kind >>> 8) & 0xff;
}

/** The records of neighbouring cells; holes of which nothing is known, at first. */
export class CellRecords {
  readonly #words: Uint32Array;
  readonly #times: Float32Array;

  constructor(readonly length: number) {
    const memory = new ArrayBuffer(4 * WORDS * length);
    this.#words = new Uint32Array(memory);
    this.#times = new Float32Array(memory);
    const hole = {
      pages: new Uint32Array(1),
      counts: Uint32Array.of(UNKNOWN_COUNT | (UNKNOWN_COUNT << 16)),
      kinds: Uint32Array.of(UNKNOWN_NODE << 16),
    };
    this.fill(0, length, hole, 0, NEVER);
  }

  /** 4 KiB pages that are present. */
  mappedPages(cell: number): number {
    return this.#words[WORDS * cell + PAGES] ?? 0;
  }

  mapcount(cell: number): number {
    return (this.#words[WORDS * cell + COUNTS] ?? 0) & 0xffff;
  }

  mappers(cell: number): number {
    return (this.#words[WORDS * cell + COUNTS] ?? 0) >>> 16;
  }

  /** Flags, state and node in one word: see `stateIn`. */
  kind(cell: number): number {
    return this.#words[WORDS * cell + KIND] ?? 0;
  }

  state(cell: number): number {
    return stateIn(this.kind(cell));
  }

  flags(cell: number): number {
    return this.kind(cell) & 0xff;
  }

  node(cell: number): number {
    return (this.kind(cell) >>> 16) & 0xff;
  }

  /** Seconds on this page's clock; `NEVER`: not since the server first saw it. */
  changedAt(cell: number): number {
    return this.#times[WORDS * cell + TIME] ?? NEVER;
  }

  setTime(cell: number, atS: number): void {
    this.#times[WORDS * cell + TIME] = atS;
  }

  /** Write a row to a cell; whether that is other than it was. */
  put(cell: number, { pages, counts, kinds }: RowWords, row: number): boolean {
    const words = this.#words;
    const at = WORDS * cell;
    const [newPages, newCounts, newKind] = [pages[row] ?? 0, counts[row] ?? 0, kinds[row] ?? 0];
    const differs =
      ((words[at + PAGES] ?? 0) ^ newPages) |
      ((words[at + COUNTS] ?? 0) ^ newCounts) |
      ((words[at + KIND] ?? 0) ^ newKind);
    if (differs === 0) return false;
    words[at + PAGES] = newPages;
    words[at + COUNTS] = newCounts;
    words[at + KIND] = newKind;
    return true;
  }

  /** The same to all cells from one to before another, with when they changed. */
  fill(
    first: number,
    end: number,
    { pages, counts, kinds }: RowWords,
    row: number,
    atS: number,
  ): void {
    const words = this.#words;
    const near = Math.min(end, first + WRITTEN_EACH);
    for (let at = WORDS * first; at < WORDS * near; at += WORDS) {
      words[at + PAGES] = pages[row] ?? 0;
      words[at + COUNTS] = counts[row] ?? 0;
      words[at + KIND] = kinds[row] ?? 0;
      this.#times[at + TIME] = atS;
    }
    // Of a whole mapping in one run, loops would take a good part of the time to the first picture.
    for (let there = near - first; first + there < end; there *= 2) {
      const copied = Math.min(there, end - first - there);
      words.copyWithin(WORDS * (first + there), WORDS * first, WORDS * (first + copied));
    }
  }
}
