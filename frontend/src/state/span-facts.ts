/** What neighbouring cells are together: the sums of a selection. */
import type { CellSpan } from "../lib/geometry";
import { CellFlag, CellState, SEVERAL_NODES, UNKNOWN_COUNT, UNKNOWN_NODE } from "../wire/generated";
import type { CellItems } from "./cells";
import type { GroupItems } from "./groups";
import type { GroupFacts } from "./item-facts";
import type { Picture } from "./picture";

/** Sums over all items of a selection that are loaded. `cells` are those of these items. */
class Sum {
  readonly counts: number[] = Object.values(CellState).map(() => 0);
  mappedPages = 0;
  writeProtected = 0;
  sharedTable = 0;
  inferred = 0;
  mapcount = UNKNOWN_COUNT;
  mappers = UNKNOWN_COUNT;
  changedAt = -Infinity;

  /** Of what is present; null: of nothing yet. */
  #node: number | null = null;

  /** Of all that is present; unknown where it is of one of them. */
  get node(): number {
    return this.#node ?? UNKNOWN_NODE;
  }

  cell(items: CellItems, item: number): void {
    const { cells } = items;
    const [state, flag] = [cells.state(item), cells.flags(item)];
    this.counts[state] = (this.counts[state] ?? 0) + 1;
    if ((flag & CellFlag.WRITE_PROTECTED) !== 0) this.writeProtected++;
    if ((flag & CellFlag.SHARED_TABLE) !== 0) this.sharedTable++;
    if ((flag & CellFlag.INFERRED) !== 0) this.inferred++;
    this.#pages(cells.mappedPages(item), cells.node(item), cells.changedAt(item));
    this.#counts(cells.mapcount(item), cells.mappers(item));
  }

  group(items: GroupItems, item: number): void {
    const { counts, writeProtected, sharedTable, inferred } = items.columns;
    counts.forEach((column, state) => {
      this.counts[state] = (this.counts[state] ?? 0) + (column[item] ?? 0);
    });
    this.writeProtected += writeProtected[item] ?? 0;
    this.sharedTable += sharedTable[item] ?? 0;
    this.inferred += inferred[item] ?? 0;
    const { mappedPages, mapcount, mappers, node } = items.columns;
    this.#pages(mappedPages[item] ?? 0, node[item] ?? UNKNOWN_NODE, items.changedAt(item));
    this.#counts(mapcount[item] ?? UNKNOWN_COUNT, mappers[item] ?? UNKNOWN_COUNT);
  }

  #pages(pages: number, node: number, changedAt: number): void {
    this.mappedPages += pages;
    if (pages > 0) {
      const other = node === UNKNOWN_NODE ? node : SEVERAL_NODES;
      if (this.#node === null) this.#node = node;
      else if (this.#node !== UNKNOWN_NODE && this.#node !== node) this.#node = other;
    }
    this.changedAt = Math.max(this.changedAt, changedAt);
  }

  #counts(mapcount: number, mappers: number): void {
    this.mapcount = higher(this.mapcount, mapcount);
    this.mappers = higher(this.mappers, mappers);
  }
}

function higher(a: number, b: number): number {
  if (a === UNKNOWN_COUNT || b === UNKNOWN_COUNT) return Math.min(a, b);
  return Math.max(a, b);
}

/** The sums of these cells, as far as they are loaded; null: nothing of them is. */
export function spanFacts(picture: Picture, span: CellSpan, nowMs: number): GroupFacts | null {
  const { items } = picture;
  if (items === null || items.kind === "parts") return null;
  const { view } = items;
  const first = Math.max(span.first, view.first);
  const end = Math.min(span.first + span.count, view.first + view.count);
  if (end <= first) return null;
  const [low, high] = [picture.entryOf(first), picture.entryOf(end - 1)];
  const [from, to] = [picture.itemOf(low), picture.itemOf(high)];
  if (from < 0 || to < 0) return null;
  const sum = new Sum();
  for (let item = from; item <= to; item++) {
    if (items.kind === "cells") sum.cell(items, item);
    else sum.group(items, item);
  }
  const [begin, last] = [picture.itemSpan(low), picture.itemSpan(high)];
  const cells = picture.spanOf(begin.first, last.first + last.count - 1);
  const { changedAt, node, ...sums } = sum;
  const agoS = nowMs / 1000 - changedAt;
  return {
    kind: "group",
    cells,
    ...sums,
    node,
    changedAgoS: agoS === Infinity ? null : Math.max(0, agoS),
  };
}
