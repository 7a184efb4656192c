/** Finding items for keys, among what is loaded. */
import type { PaintedItems } from "./painted";

/** What changed this lately counts as changed. */
export const LATELY_S = 10;

/** The next item in this direction that looks other than the one at `from`; -1: none. */
export function differing({ paint }: PaintedItems, from: number, step: 1 | -1): number {
  const here = paint[from];
  for (let item = from + step; item >= 0 && item < paint.length; item += step) {
    if (paint[item] !== here) return item;
  }
  return -1;
}

/**
 * The next item after `from` that changed within the last seconds, from the first one on again after the last; where
 * none did so lately, the one that changed last of all. -1: no change is known.
 */
export function changed({ items }: PaintedItems, from: number, nowS: number): number {
  const { changedAt } = items;
  const count = changedAt.length;
  let newest = -1;
  for (let step = 1; step <= count; step++) {
    const item = (from + step) % count;
    const at = changedAt[item] ?? -Infinity;
    if (nowS - at <= LATELY_S) return item;
    if (at > (changedAt[newest] ?? -Infinity)) newest = item;
  }
  return newest;
}
