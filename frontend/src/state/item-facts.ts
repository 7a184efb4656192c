/** What a picture knows of one of its items. */
import { UNKNOWN_COUNT, UNKNOWN_NODE } from "../wire/generated";
import type { CellSpan } from "../lib/geometry";
import { stateNumber } from "../lib/parts";
import type { PartRun } from "../wire/types";
import type { CellItems } from "./cells";
import type { GroupItems } from "./groups";
import type { AnyItems } from "./items";
import type { PartItems } from "./part-items";
import type { Picture } from "./picture";

interface Common {
  /** The cells of the mapping that it stands for. */
  readonly cells: CellSpan;
  /** Seconds since its last change; null: not since the server first saw it. */
  readonly changedAgoS: number | null;
}

export interface CellFacts extends Common {
  readonly kind: "cell";
  readonly state: number;
  readonly mappedPages: number;
  readonly mapcount: number;
  readonly mappers: number;
  readonly flags: number;
  readonly node: number;
}

export interface GroupFacts extends Common {
  readonly kind: "group";
  /** Cells in each state, by `CellState`. */
  readonly counts: readonly number[];
  readonly mappedPages: number;
  readonly writeProtected: number;
  readonly sharedTable: number;
  readonly inferred: number;
  readonly mapcount: number;
  readonly mappers: number;
  readonly node: number;
}

export interface PartFacts extends Common {
  readonly kind: "part";
  readonly part: number;
  readonly state: number;
  readonly inferred: boolean;
  readonly level: PartRun["level"];
  readonly presentBytes: number;
  readonly folioBytes: number | null;
}

/** Numbers may be `UNKNOWN_COUNT`, `UNKNOWN_NODE` or `SEVERAL_NODES`. */
export type ItemFacts = CellFacts | GroupFacts | PartFacts;

/** What is known of an entry; null where nothing is loaded. `nowMs`: of this page's clock. */
export function factsOf(picture: Picture, entry: number, nowMs = picture.nowMs): ItemFacts | null {
  const { items, info } = picture;
  const item = picture.itemOf(entry);
  if (item < 0 || items === null) return null;
  const span = picture.itemSpan(entry);
  const cells = picture.spanOf(span.first, span.first + span.count - 1);
  if (cells.first >= info.cell_count) return null;
  return itemFactsOf(items, item, cells, Math.max(nowMs, picture.nowMs) / 1000);
}

/** Facts of an item that is there; null where the host said nothing of it. */
export function itemFactsOf(
  items: AnyItems,
  item: number,
  cells: CellSpan,
  nowS: number,
): ItemFacts | null {
  const agoS = nowS - items.changedAt(item);
  const common = { cells, changedAgoS: agoS === Infinity ? null : Math.max(0, agoS) };
  return items.kind === "parts"
    ? partFacts(items, item, common)
    : { ...common, ...countedFacts(items, item) };
}

function partFacts(items: PartItems, item: number, common: Common): PartFacts | null {
  const run = items.runs[item];
  if (run === undefined) return null;
  return {
    ...common,
    kind: "part",
    part: item,
    state: stateNumber(run.state),
    inferred: run.inferred,
    level: run.level,
    presentBytes: run.present_bytes,
    folioBytes: run.folio_bytes,
  };
}

function countedFacts(
  items: CellItems | GroupItems,
  item: number,
): Omit<CellFacts, keyof Common> | Omit<GroupFacts, keyof Common> {
  if (items.kind === "cells") {
    const { cells } = items;
    return {
      kind: "cell",
      mappedPages: cells.mappedPages(item),
      mapcount: cells.mapcount(item),
      mappers: cells.mappers(item),
      node: cells.node(item),
      state: cells.state(item),
      flags: cells.flags(item),
    };
  }
  const { mapcount, mappers, node, mappedPages } = items.columns;
  const { counts, writeProtected, sharedTable, inferred } = items.columns;
  return {
    mappedPages: mappedPages[item] ?? 0,
    mapcount: mapcount[item] ?? UNKNOWN_COUNT,
    mappers: mappers[item] ?? UNKNOWN_COUNT,
    node: node[item] ?? UNKNOWN_NODE,
    kind: "group",
    counts: counts.map((column) => column[item] ?? 0),
    writeProtected: writeProtected[item] ?? 0,
    sharedTable: sharedTable[item] ?? 0,
    inferred: inferred[item] ?? 0,
  };
}
