/** What is loaded of a mapping: cells, groups of cells, or the parts of one page, behind one interface. */
import type { ItemGrid } from "../lib/item-grid";
import type { ColorMode } from "../lib/palette";
import { UNKNOWN_AGE } from "../wire/generated";
import type { Frame } from "../wire/frames";
import type { Viewed } from "../wire/types";
import type { CellItems } from "./cells";
import type { GroupItems } from "./groups";
import type { PartItems } from "./part-items";

/** In `changedAt`: not since the server first saw it. */
export const NEVER = -Infinity;

/** What there is; told apart by `kind`, for groups and parts come in a part of the page of their own. */
export type AnyItems = CellItems | GroupItems | PartItems;

export interface Items {
  readonly kind: "cells" | "groups" | "parts";
  /** The cells that these items are of, and how many go together. */
  readonly view: Viewed;
  readonly grid: ItemGrid;
  /** Cells in each state, by `CellState`, of all cells in view; of parts, parts. */
  readonly stateCounts: Uint32Array;
  /** Present 4 KiB pages of all cells in view. */
  readonly presentPages: number;
  /** Whether everything came once; before that, nothing here is true. */
  readonly complete: boolean;
  /** When each item last changed, in seconds on this page's clock; `NEVER` if that is not known to have been. */
  changedAt(item: number): number;
  /** Where stretches of items begin that are alike in everything; null: not known. */
  readonly alike?: Uint32Array | null;
  /** Take a frame in; returns the items that are other than before, valid until the next call. */
  apply(frame: Frame, mappingId: number, nowS: number): Uint32Array;
  /** Paint of one item. `shown`: paints that the filter lets through; null: all. */
  paint(mode: ColorMode, item: number, shown: Uint8Array | null, nowS: number): number;
}

/** Seconds on this page's clock of a change that was `ago` tenths of a second ago. */
export function changedAtS(ago: number, nowS: number): number {
  return ago === UNKNOWN_AGE ? NEVER : nowS - ago / 10;
}

/** A list of item numbers that grows. */
export class ItemList {
  #items = new Uint32Array(1024);
  #count = 0;

  add(item: number): void {
    if (this.#count === this.#items.length) {
      const wider = new Uint32Array(this.#items.length * 4);
      wider.set(this.#items);
      this.#items = wider;
    }
    this.#items[this.#count++] = item;
  }

  clear(): void {
    this.#count = 0;
  }

  /** Valid until the next change. */
  get items(): Uint32Array {
    return this.#items.subarray(0, this.#count);
  }
}
