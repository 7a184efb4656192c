/** Which cells changed a moment ago. */

/** How long a changed cell stays lit. */
export const FLASH_MS = 260;
/** When so large a part is lit, more light would tell nothing. */
const MOST_SHARE = 0.25;
/** The same where squares stand for several cells, and one that is lit hides how the others are. */
export const MOST_SHARE_OF_GROUPS = 0.03;
const LEAST_LIT = 64;
/** As many as a byte can count. */
const MOST_BATCHES = 255;

/** Marks cells for a while; the clock is passed in. */
export class Flash {
  /** How many of the changes that still light it each cell was in; 0: it is dark. */
  readonly lit: Uint8Array;
  #batches: { readonly untilMs: number; readonly cells: Uint32Array }[] = [];

  constructor(
    private readonly cellCount: number,
    private readonly mostShare: number = MOST_SHARE,
  ) {
    this.lit = new Uint8Array(cellCount);
  }

  /** Light these cells; the array is kept. */
  add(cells: Uint32Array, nowMs: number): void {
    const lit = this.#batches.reduce((sum, batch) => sum + batch.cells.length, cells.length);
    if (cells.length === 0 || this.#batches.length === MOST_BATCHES) return;
    if (lit > Math.max(LEAST_LIT, this.cellCount * this.mostShare)) return;
    for (const cell of cells) this.lit[cell] = (this.lit[cell] ?? 0) + 1;
    this.#batches.push({ untilMs: nowMs + FLASH_MS, cells });
  }

  /** Darken what is due and return those cells; cells that changed again stay lit. */
  expire(nowMs: number): Uint32Array {
    const due = this.#batches.filter((batch) => batch.untilMs <= nowMs);
    if (due.length === 0) return new Uint32Array(0);
    this.#batches = this.#batches.filter((batch) => batch.untilMs > nowMs);
    const cells = new Uint32Array(due.reduce((sum, batch) => sum + batch.cells.length, 0));
    let at = 0;
    for (const batch of due) {
      cells.set(batch.cells, at);
      at += batch.cells.length;
    }
    for (const cell of cells) this.lit[cell] = (this.lit[cell] ?? 0) - 1;
    return cells;
  }

  /** When the next cells are due; null: none is lit. */
  nextMs(): number | null {
    return this.#batches[0]?.untilMs ?? null;
  }

  /** Darken everything. */
  clear(): void {
    this.#batches = [];
    this.lit.fill(0);
  }
}
