/** What a picture knows of one of its items. */
import { UNKNOWN_COUNT, UNKNOWN_NODE } from "../wire/generated";
import type { CellSpan } from "../lib/geometry";
import { stateNumber } from "../lib/parts";
import type { PartRun } from "../wire/types";
import { CellItems } from "./cells";
import { GroupItems } from "./groups";
import type { Items } from "./items";
import { PartItems } from "./part-items";

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

/** Facts of an item that is there; null where the host said nothing of it. */
export function factsOf(
  items: Items,
  item: number,
  cells: CellSpan,
  nowS: number,
): ItemFacts | null {
  const agoS = nowS - (items.changedAt[item] ?? -Infinity);
  const common = { cells, changedAgoS: agoS === Infinity ? null : Math.max(0, agoS) };
  if (items instanceof PartItems) {
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
  if (!(items instanceof CellItems || items instanceof GroupItems)) return null;
  const { mapcount, mappers, node, mappedPages } = items.columns;
  const counted = {
    ...common,
    mappedPages: mappedPages[item] ?? 0,
    mapcount: mapcount[item] ?? UNKNOWN_COUNT,
    mappers: mappers[item] ?? UNKNOWN_COUNT,
    node: node[item] ?? UNKNOWN_NODE,
  };
  if (items instanceof CellItems) {
    const { state, flags } = items.columns;
    return { ...counted, kind: "cell", state: state[item] ?? 0, flags: flags[item] ?? 0 };
  }
  const { counts, writeProtected, sharedTable, inferred } = items.columns;
  return {
    ...counted,
    kind: "group",
    counts: counts.map((column) => column[item] ?? 0),
    writeProtected: writeProtected[item] ?? 0,
    sharedTable: sharedTable[item] ?? 0,
    inferred: inferred[item] ?? 0,
  };
}
