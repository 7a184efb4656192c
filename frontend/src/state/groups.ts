/** Cells of a mapping that are shown several together: how many are in which state, and what they have in common. */
import { ENTRIES } from "../lib/geometry";
import { groupPaint } from "../lib/group-paint";
import { itemGrid, type ItemGrid } from "../lib/item-grid";
import type { ColorMode } from "../lib/palette";
import type { Frame } from "../wire/frames";
import { FrameError } from "../wire/frame-error";
import { CellState, UNKNOWN_COUNT, UNKNOWN_NODE } from "../wire/generated";
import type { GroupBlock } from "../wire/groups";
import type { Viewed } from "../wire/types";
import { changedAtS, ItemList, NEVER, type Items } from "./items";

const STATE_COUNT = Object.keys(CellState).length;

/** Arrays of equal length, one element a group; meanings as in `GroupBlock`. */
export interface GroupColumns {
  readonly mappedPages: Uint32Array;
  readonly counts: readonly Uint16Array[];
  readonly writeProtected: Uint16Array;
  readonly sharedTable: Uint16Array;
  readonly inferred: Uint16Array;
  readonly mapcount: Uint16Array;
  readonly mappers: Uint16Array;
  readonly node: Uint8Array;
}

type Column = Uint16Array | Uint32Array | Uint8Array;

/** Holds the groups of one view. Item 0 is the group that holds the view's first cell. */
export class GroupItems implements Items {
  readonly kind = "groups";
  readonly columns: GroupColumns;
  readonly stateCounts = new Uint32Array(STATE_COUNT);
  /** Cells in view that have the flag. */
  writeProtected = 0;
  sharedTable = 0;
  presentPages = 0;
  complete = false;
  readonly grid: ItemGrid;
  readonly #firstGroup: number;
  readonly #changedAt: Float32Array;
  readonly #ours: readonly Column[];
  #changed = new ItemList();

  /** `start` is the mapping's. With `tables` an item is one entry of the axes, else 2**shift. */
  constructor(
    readonly view: Viewed,
    readonly pageSize: number,
    start: number,
    tables: boolean,
  ) {
    const { first, count, shift } = view;
    const column = Math.floor(start / pageSize) % ENTRIES;
    this.#firstGroup = (first + column) >>> shift;
    const groups = ((first + count - 1 + column) >>> shift) - this.#firstGroup + 1;
    const table = Math.floor(start / pageSize / ENTRIES) % ENTRIES;
    this.grid = tables
      ? itemGrid(1, table + this.#firstGroup, groups)
      : itemGrid(1 << shift, this.#firstGroup, groups);
    const shorts = (): Uint16Array => new Uint16Array(groups);
    this.columns = {
      mappedPages: new Uint32Array(groups),
      counts: Array.from({ length: STATE_COUNT }, shorts),
      writeProtected: shorts(),
      sharedTable: shorts(),
      inferred: shorts(),
      mapcount: shorts().fill(UNKNOWN_COUNT),
      mappers: shorts().fill(UNKNOWN_COUNT),
      node: new Uint8Array(groups).fill(UNKNOWN_NODE),
    };
    this.#ours = columnList(this.columns);
    this.#changedAt = new Float32Array(groups).fill(NEVER);
  }

  /** Throws `FrameError` when a block does not fit, before any group is written. */
  apply(frame: Frame, mappingId: number, nowS: number): Uint32Array {
    const blocks = frame.groups.filter((block) => block.mappingId === mappingId);
    for (const block of blocks) this.#check(block);
    this.#changed.clear();
    for (const block of blocks) {
      this.#applyBlock(block, nowS);
      if (block.covered === this.grid.count) this.complete = true;
    }
    return this.#changed.items;
  }

  paint(mode: ColorMode, item: number, shown: Uint8Array | null, nowS: number): number {
    const ageS = mode === "age" ? nowS - this.changedAt(item) : 0;
    return groupPaint(mode, this.columns, item, this.pageSize, ageS, shown);
  }

  changedAt(item: number): number {
    return this.#changedAt[item] ?? NEVER;
  }

  #check(block: GroupBlock): void {
    const { index, first, covered, shift } = block;
    if (covered === 0) return;
    const [low, high] = [index?.[0] ?? first, index?.at(-1) ?? first + covered - 1];
    const end = this.#firstGroup + this.grid.count;
    if (shift !== this.view.shift || low < this.#firstGroup || high >= end) {
      throw new FrameError("bad_block", `groups ${low} to ${high} outside of the view`);
    }
  }

  #applyBlock(block: GroupBlock, nowS: number): void {
    const { index, first, covered, changedAgo } = block;
    const theirs = columnList(block);
    for (let row = 0; row < covered; row++) {
      const item = (index ? (index[row] ?? 0) : first + row) - this.#firstGroup;
      const changed = this.#write(item, theirs, row);
      if (changed) this.#changed.add(item);
      if (changedAgo) this.#changedAt[item] = changedAtS(changedAgo[row] ?? 0, nowS);
      else if (changed || index) this.#changedAt[item] = nowS;
    }
  }

  /** Whether anything is other than before. */
  #write(item: number, theirs: readonly Column[], row: number): boolean {
    this.#sum(item, -1);
    let changed = false;
    for (let at = 0; at < theirs.length; at++) {
      const ours = this.#ours[at];
      const value = theirs[at]?.[row] ?? 0;
      if (ours === undefined || ours[item] === value) continue;
      ours[item] = value;
      changed = true;
    }
    this.#sum(item, 1);
    return changed;
  }

  #sum(item: number, sign: 1 | -1): void {
    const { columns, stateCounts } = this;
    this.presentPages += sign * (columns.mappedPages[item] ?? 0);
    this.writeProtected += sign * (columns.writeProtected[item] ?? 0);
    this.sharedTable += sign * (columns.sharedTable[item] ?? 0);
    for (let state = 0; state < stateCounts.length; state++) {
      const count = columns.counts[state]?.[item] ?? 0;
      stateCounts[state] = (stateCounts[state] ?? 0) + sign * count;
    }
  }
}

function columnList(columns: GroupColumns): Column[] {
  const { mappedPages, counts, writeProtected, sharedTable, inferred } = columns;
  const { mapcount, mappers, node } = columns;
  return [mappedPages, ...counts, writeProtected, sharedTable, inferred, mapcount, mappers, node];
}
