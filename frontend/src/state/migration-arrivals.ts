/**
 * The log of arrivals of a migration, as the server sends it: a header of 32 bytes ("HSAR", u32 version, u64 of the first
 * record that is asked for, u64 of all records, f64 of the time that times count from), then 16 bytes a record (u32 cell,
 * u16 block, u8 kind, u8 0, f32 seconds, f32 seconds that the page was missing). Little-endian.
 */
import { FrameError } from "../wire/frame-error";

/** How a page came; `LEFT`: it went. */
export const Arrival = { PRECOPIED: 0, SWEEP: 1, DEMAND: 2, FAULT: 3, LEFT: 255 } as const;

/** Classes of order that are told apart. */
export const ORDER_CLASSES = 12;

/** "HSAR" */
const MAGIC = 0x48534152;
const VERSION = 1;
const HEADER_BYTES = 32;
const RECORD_BYTES = 16;

/** Class of a page by its arrival: no arrival is known, it came before the switch-over, or the first class of order. */
export const [NOT_SEEN, BEFORE, FIRST_CLASS] = [0, 1, 2] as const;

/** The pages of one RAM block: the latest arrival of each. */
export class BlockArrivals {
  /** The how-manieth of all arrivals, from 1 on; 0: none, or the page went since. */
  readonly rank: Uint32Array;
  /** Seconds after `ArrivalLog.baseS`. */
  readonly atS: Float32Array;
  readonly kind: Uint8Array;
  readonly missingS: Float32Array;
  /** Pages that were demanded, or that a fault was seen on, as they came. */
  readonly marked = new Set<number>();

  constructor(readonly pages: number) {
    this.rank = new Uint32Array(pages);
    this.atS = new Float32Array(pages);
    this.kind = new Uint8Array(pages);
    this.missingS = new Float32Array(pages);
  }
}

/** When the pages of a class came, in seconds since 1970. */
export interface ClassTimes {
  readonly firstS: number;
  readonly lastS: number;
}

/** Told of pages of a block whose class changed; null: of all pages. */
export type ArrivalListener = (block: number, cells: Uint32Array | null) => void;

/** Every arrival that was fetched. */
export class ArrivalLog {
  blocks: readonly BlockArrivals[] = [];
  /** The first record that is not here yet. */
  next = 0;
  /** Records that the server had forgotten before they were fetched. */
  lost = 0;
  baseS = 0;
  /** Arrivals in order since the switch-over, demanded ones, and those that a fault was seen on. */
  counts = { sweep: 0, demand: 0, fault: 0 };
  #arrivals = 0;
  #present = 0;
  /** Pages of all blocks. */
  readonly #count: number;
  /** Rank of the first arrival after the switch-over, and pages that were missing then. */
  #since: { readonly rank: number; readonly missing: number } | null = null;
  #times: ([number, number] | undefined)[] = [];
  #listeners = new Set<ArrivalListener>();

  /** `pages`: of each block. */
  constructor(readonly pages: readonly number[]) {
    this.#count = pages.reduce((sum, count) => sum + count, 0);
    this.clear();
  }

  /** Forget everything, for another log of the same blocks. */
  clear(): void {
    this.blocks = this.pages.map((count) => new BlockArrivals(count));
    this.next = this.lost = this.baseS = this.#arrivals = this.#present = 0;
    this.counts = { sweep: 0, demand: 0, fault: 0 };
    this.#since = null;
    this.#times = [];
    this.#tell([], true);
  }

  /** Call `listener` at every change until the returned function is called. */
  listen(listener: ArrivalListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Take an answer of the server in; false: it is of another log, and nothing of it is taken. Throws `FrameError` before
   * anything of it is taken.
   */
  take(data: ArrayBuffer): boolean {
    const view = new DataView(data);
    this.#check(view);
    const baseS = view.getFloat64(24, true);
    if (this.next > 0 && baseS !== this.baseS) return false;
    const first = Number(view.getBigUint64(8, true));
    if (first < this.next) {
      if (view.byteLength === HEADER_BYTES) return true;
      throw new FrameError("bad_block", "arrivals that are here already");
    }
    this.lost += first - this.next;
    this.baseS = baseS;
    const changed = this.blocks.map((): number[] => []);
    const before = this.#since;
    for (let at = HEADER_BYTES; at < view.byteLength; at += RECORD_BYTES) {
      const [cell, block] = placeAt(view, at);
      const of = this.blocks[block];
      if (of === undefined) continue;
      const times = [view.getFloat32(at + 8, true), view.getFloat32(at + 12, true)] as const;
      this.#put(of, cell, view.getUint8(at + 6), times);
      changed[block]?.push(cell);
    }
    this.next = first + (view.byteLength - HEADER_BYTES) / RECORD_BYTES;
    this.#tell(changed, before !== this.#since);
    return true;
  }

  #check(view: DataView): void {
    const whole = (view.byteLength - HEADER_BYTES) % RECORD_BYTES === 0;
    if (!whole || view.getUint32(0) !== MAGIC || view.getUint32(4, true) !== VERSION) {
      throw new FrameError("bad_block", "no log of arrivals of this version");
    }
    for (let at = HEADER_BYTES; at < view.byteLength; at += RECORD_BYTES) {
      const [cell, block] = placeAt(view, at);
      if (!(cell < (this.blocks[block]?.pages ?? 0))) {
        throw new FrameError("bad_block", `no page ${cell} of block ${block}`);
      }
    }
  }

  /** Class of a page: `NOT_SEEN`, `BEFORE`, or from `FIRST_CLASS` on by its order. */
  classOf(block: number, cell: number): number {
    const of = this.blocks[block];
    const rank = of?.rank[cell] ?? 0;
    if (of === undefined || rank === 0) return NOT_SEEN;
    return this.#classOf(rank, of.kind[cell] ?? 0);
  }

  /** When the pages of a class of order came; null: none did. */
  timesOf(order: number): ClassTimes | null {
    const [first, last] = this.#times[order] ?? [];
    if (first === undefined || last === undefined) return null;
    return { firstS: this.baseS + first, lastS: this.baseS + last };
  }

  #put(
    of: BlockArrivals,
    cell: number,
    kind: number,
    [atS, missingS]: readonly [number, number],
  ): void {
    const was = of.rank[cell] !== 0;
    of.marked.delete(cell);
    if (kind === Arrival.LEFT) {
      of.rank[cell] = 0;
      if (was) this.#present--;
      return;
    }
    const rank = ++this.#arrivals;
    if (this.#since === null && kind !== Arrival.PRECOPIED) {
      this.#since = { rank, missing: Math.max(1, this.#count - this.#present) };
      this.#times = [];
    }
    if (!was) this.#present++;
    of.rank[cell] = rank;
    of.atS[cell] = atS;
    of.kind[cell] = kind;
    of.missingS[cell] = missingS;
    if (kind === Arrival.SWEEP) this.counts.sweep++;
    if (kind === Arrival.DEMAND) this.counts.demand++;
    if (kind === Arrival.FAULT) this.counts.fault++;
    if (kind === Arrival.DEMAND || kind === Arrival.FAULT) of.marked.add(cell);
    const order = this.#classOf(rank, kind);
    const [first, last] = this.#times[order] ?? [atS, atS];
    this.#times[order] = [Math.min(first, atS), Math.max(last, atS)];
  }

  #classOf(rank: number, kind: number): number {
    const since = this.#since;
    if (since !== null && kind === Arrival.PRECOPIED) return BEFORE;
    const share = since ? (rank - since.rank) / since.missing : (rank - 1) / this.#count;
    return FIRST_CLASS + Math.min(ORDER_CLASSES - 1, Math.floor(share * ORDER_CLASSES));
  }

  #tell(changed: readonly (readonly number[])[], all: boolean): void {
    this.pages.forEach((_, block) => {
      const cells = changed[block] ?? [];
      if (!all && cells.length === 0) return;
      for (const listener of this.#listeners) listener(block, all ? null : Uint32Array.from(cells));
    });
  }
}

function placeAt(view: DataView, at: number): readonly [cell: number, block: number] {
  return [view.getUint32(at, true), view.getUint16(at + 4, true)];
}
