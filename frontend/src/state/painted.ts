/** What is loaded of a picture as paints, with how many items there are of each. */
import { AGE_DUE_S, type ColorMode } from "../lib/palette";
import type { AnyItems, Items } from "./items";

/** Follows one picture's items in one colour mode and filter. */
export class PaintedItems {
  readonly paint: Uint8Array;
  readonly counts = new Uint32Array(256);
  #grownS = 0;

  /** `shown`: paints that the filter lets through; null: all. */
  constructor(
    readonly items: AnyItems,
    readonly mode: ColorMode,
    readonly shown: Uint8Array | null,
    nowS: number,
  ) {
    this.paint = new Uint8Array(items.grid.count);
    this.repaint(nowS);
  }

  /** Every item anew. */
  repaint(nowS: number): void {
    this.counts.fill(0);
    this.#grownS = nowS;
    const { items, mode, shown, counts } = this;
    const { alike }: Items = items;
    const steps = alike?.length ?? this.paint.length;
    for (let step = 0; step < steps; step++) {
      const first = alike ? (alike[step] ?? 0) : step;
      const end = alike ? (alike[step + 1] ?? this.paint.length) : step + 1;
      const paint = items.paint(mode, first, shown, nowS);
      if (alike) this.paint.fill(paint, first, end);
      else this.paint[first] = paint;
      counts[paint] = (counts[paint] ?? 0) + end - first;
    }
  }

  /** These items anew. */
  update(changed: Uint32Array, nowS: number): void {
    for (const item of changed) this.#update(item, nowS);
  }

  /** Time passed: returns the items that are in another class of age by now. */
  grow(nowS: number): Uint32Array {
    const { items, paint } = this;
    const older: number[] = [];
    const beforeS = this.#grownS;
    this.#grownS = nowS;
    for (let item = 0; item < paint.length; item++) {
      const at = items.changedAt(item);
      const isDue = nowS - at >= (AGE_DUE_S[paint[item] ?? 0] ?? Infinity);
      // Cells that changed and changed back since were not painted then.
      if (at === -Infinity || (!isDue && at < beforeS)) continue;
      if (this.#update(item, nowS)) older.push(item);
    }
    return Uint32Array.from(older);
  }

  /** Whether the item looks other than before. */
  #update(item: number, nowS: number): boolean {
    const old = this.paint[item] ?? 0;
    const paint = this.items.paint(this.mode, item, this.shown, nowS);
    if (paint === old) return false;
    this.paint[item] = paint;
    this.counts[old] = (this.counts[old] ?? 0) - 1;
    this.counts[paint] = (this.counts[paint] ?? 0) + 1;
    return true;
  }
}
