/** Finding items for keys, among what is loaded. */
import { rowOf } from "../lib/geometry";
import { entriesOf } from "../lib/item-grid";
import type { PaintedItems } from "./painted";
import type { Picture } from "./picture";

/** What changed this lately counts as changed. */
const LATELY_S = 10;

/** The next entry in this direction that looks other than this one; null: none is loaded. */
export function nextDiffering(picture: Picture, entry: number, step: 1 | -1): number | null {
  const item = picture.itemOf(entry);
  const { painted } = picture;
  return painted && item >= 0 ? entryOf(picture, differing(painted, item, step)) : null;
}

/** The next entry that changed lately, else the last that changed; null: no change is known. */
export function nextChanged(picture: Picture, entry: number | null, nowMs: number): number | null {
  const from = entry === null ? -1 : picture.itemOf(entry);
  return picture.painted && entryOf(picture, changed(picture.painted, from, nowMs / 1000));
}

function entryOf({ items, geometry, limits }: Picture, item: number): number | null {
  if (item < 0 || items === null) return null;
  const { first } = entriesOf(items.grid, geometry, item);
  const row = rowOf(geometry, first);
  return row >= limits.y0 && row < limits.y1 ? first : null;
}

/** The next item in this direction that looks other than the one at `from`; -1: none. */
function differing({ paint }: PaintedItems, from: number, step: 1 | -1): number {
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
function changed({ items }: PaintedItems, from: number, nowS: number): number {
  const { count } = items.grid;
  let newest = -1;
  let newestAt = -Infinity;
  for (let step = 1; step <= count; step++) {
    const item = (from + step) % count;
    const at = items.changedAt(item);
    if (nowS - at <= LATELY_S) return item;
    if (at > newestAt) [newest, newestAt] = [item, at];
  }
  return newest;
}
