/** The parts of one page, as the host's agent told them when it was asked. */
import { ENTRIES } from "../lib/geometry";
import { itemGrid, type ItemGrid } from "../lib/item-grid";
import { partPaint, UNKNOWN, type ColorMode } from "../lib/palette";
import { stateNumber } from "../lib/parts";
import { CellState, PAGE_BYTES } from "../wire/generated";
import type { PageDetail, PartRun, Viewed } from "../wire/types";
import { ItemList, NEVER, type Items } from "./items";

/** Item `n` is part `n` of the page, or entry `n` of the chunk that is looked into. */
export class PartItems implements Items {
  readonly kind = "parts";
  readonly view: Viewed;
  readonly grid: ItemGrid;
  readonly stateCounts = new Uint32Array(Object.keys(CellState).length);
  /** The run that holds each part; undefined: the agent said nothing of it. */
  readonly runs: (PartRun | undefined)[];
  presentPages = 0;
  complete = false;
  #changed = new ItemList();
  readonly #changedAt: Float32Array;

  /** `cell` is the page's, `count` how many parts it has. */
  constructor(cell: number, count: number) {
    this.view = { first: cell, count: 1, shift: 0 };
    this.grid = itemGrid(1, 0, Math.min(ENTRIES, count));
    this.runs = Array.from({ length: this.grid.count });
    this.#changedAt = new Float32Array(this.grid.count).fill(NEVER);
  }

  /** Frames tell nothing of parts. */
  apply(): Uint32Array {
    return new Uint32Array(0);
  }

  /** Take an answer in; returns the parts that are other than before, valid until the next call. */
  take({ parts }: PageDetail, nowS: number): Uint32Array {
    // Runs of a chunk may count from the page's first entry on.
    const base = Math.floor((parts[0]?.first ?? 0) / ENTRIES) * ENTRIES;
    this.#changed.clear();
    this.stateCounts.fill(0);
    this.presentPages = 0;
    const before = [...this.runs];
    this.runs.fill(undefined);
    for (const run of parts) {
      this.presentPages += (run.count * run.present_bytes) / PAGE_BYTES;
      const state = stateNumber(run.state);
      this.stateCounts[state] = (this.stateCounts[state] ?? 0) + run.count;
      this.runs.fill(run, run.first - base, run.first - base + run.count);
    }
    before.forEach((old, part) => {
      const run = this.runs[part];
      if (run === old || (run && old && same(run, old))) return;
      this.#changed.add(part);
      if (this.complete) this.#changedAt[part] = nowS;
    });
    this.complete = true;
    return this.#changed.items;
  }

  changedAt(item: number): number {
    return this.#changedAt[item] ?? NEVER;
  }

  paint(_mode: ColorMode, item: number): number {
    const run = this.runs[item];
    if (run === undefined) return UNKNOWN;
    return partPaint(stateNumber(run.state), run.level, run.present_bytes / run.part_bytes);
  }
}

function same(a: PartRun, b: PartRun): boolean {
  return a.state === b.state && a.level === b.level && a.present_bytes === b.present_bytes;
}
