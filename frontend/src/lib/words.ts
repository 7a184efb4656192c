/** What is known of a cell, in words; what is not known comes with the reason. */
import type { CellColumns } from "../state/cells";
import {
  CellFlag,
  CellState,
  MAX_COUNT,
  PAGE_BYTES,
  UNKNOWN_COUNT,
  UNKNOWN_NODE,
} from "../wire/generated";
import type { Capabilities, Limit, MappingInfo } from "../wire/types";
import { address, addressRange, bytes, integer } from "./format";
import { cellAddress, columnOf, rowOf, type TableGeometry } from "./geometry";

/** One line: a term and what is known. `unknown` marks values that are a reason instead. */
export interface Fact {
  readonly key: string;
  readonly term: string;
  readonly value: string;
  readonly unknown: boolean;
}

/** What explains missing values; null where the host is not known any more. */
export interface Sight {
  readonly capabilities: Capabilities;
  readonly limits: readonly Limit[];
}

/**
 * What the time of a picture that is not live means: when the agent here read the files, which is not when they were
 * made.
 */
export function takenWords(kind: "capture" | "replay"): readonly [before: string, after: string] {
  const made = kind === "capture" ? "captured" : "recorded";
  return [`${made} tree read here`, `(not when it was ${made})`];
}

/** The state as a phrase. */
export function stateWords(state: number, pageSize: number): string {
  switch (state) {
    case CellState.HOLE:
      return "hole: nothing is mapped";
    case CellState.MAPPED:
      return `mapped in full by one ${bytes(pageSize)} entry`;
    case CellState.FULL:
      return "mapped in full; by entries of which size cannot be told";
    case CellState.SPLIT:
      return "split: mapped in full by smaller entries";
    case CellState.PARTIAL:
      return "mapped in part";
    case CellState.MARKER:
      return "userfaultfd write-protect marker, no page";
    case CellState.POISONED:
      return "poisoned: the hardware reported bad memory";
    case CellState.MIGRATING:
      return "in flight: the kernel is migrating the page";
    case CellState.SMALL:
      return "base pages, no huge folio";
    default:
      return `state ${state}`;
  }
}

/** One word for a state, for counts. */
export function stateName(state: number): string {
  const entry = Object.entries(CellState).find(([, number]) => number === state);
  return entry?.[0].toLowerCase() ?? `state ${state}`;
}

const FLAG_WORDS: readonly (readonly [number, string])[] = [
  [CellFlag.EXCLUSIVE, "exclusive"],
  [CellFlag.WRITE_PROTECTED, "write-protected (uffd)"],
  [CellFlag.SHARED_TABLE, "shared page table"],
  [CellFlag.INFERRED, "inferred"],
];

/** The flags as a list; "none" when there are none. */
export function flagWords(flags: number): string {
  const words = FLAG_WORDS.filter(([flag]) => (flags & flag) !== 0).map(([, word]) => word);
  return words.length === 0 ? "none" : words.join(", ");
}

/** Everything that is known of one cell. */
export function cellFacts(
  info: MappingInfo,
  geometry: TableGeometry,
  columns: CellColumns,
  cell: number,
  sight: Sight | null,
): Fact[] {
  const va = cellAddress(geometry, cell);
  const state = columns.state[cell] ?? CellState.HOLE;
  const flags = columns.flags[cell] ?? 0;
  const inferred = (flags & CellFlag.INFERRED) !== 0 ? " (inferred, not observed)" : "";
  const known = (key: string, term: string, value: string): Fact => {
    return { key, term, value, unknown: false };
  };
  const facts = [
    known("address", "address", addressRange(va, va + info.page_size)),
    known("entry", "entry", `${columnOf(geometry, cell)} of table ${rowOf(geometry, cell)}`),
  ];
  if (info.backing.kind !== "anonymous") {
    // Of a cell that begins before the mapping does, the first byte that is mapped.
    const offset = info.backing.offset + Math.max(va, info.start) - info.start;
    facts.push(known("offset", "file offset", address(offset)));
  }
  const pages = columns.mappedPages[cell] ?? 0;
  const mapped = `${bytes(pages * PAGE_BYTES)} of ${bytes(info.page_size)}`;
  facts.push(known("state", "state", stateWords(state, info.page_size) + inferred));
  facts.push(known("mapped", "mapped", mapped));
  facts.push(countFact("mapcount", "mapcount (kernel)", columns.mapcount[cell], state, sight));
  facts.push(countFact("mappers", "mappers", columns.mappers[cell], state, sight));
  facts.push(nodeFact(columns.node[cell] ?? UNKNOWN_NODE, state, sight));
  facts.push(known("flags", "flags", flagWords(flags)));
  return facts;
}

function countFact(
  key: "mapcount" | "mappers",
  term: string,
  count: number | undefined,
  state: number,
  sight: Sight | null,
): Fact {
  if (count === undefined || count === UNKNOWN_COUNT) {
    return { key, term, value: `unknown (${reason(key, state, sight)})`, unknown: true };
  }
  const value = count === MAX_COUNT ? `${integer(count)} or more` : integer(count);
  return { key, term, value, unknown: false };
}

function nodeFact(node: number, state: number, sight: Sight | null): Fact {
  const unknown = node === UNKNOWN_NODE;
  const value = unknown ? `unknown (${reason("node", state, sight)})` : String(node);
  return { key: "node", term: "NUMA node", value, unknown };
}

/** Why this value of a cell is not known. */
export function reason(
  what: "mapcount" | "mappers" | "node",
  state: number,
  sight: Sight | null,
): string {
  if (state === CellState.HOLE || state === CellState.MARKER) return "no page here";
  if (state === CellState.POISONED || state === CellState.MIGRATING) {
    return "the entry names no page";
  }
  if (sight === null) return "not read";
  if (!sight.capabilities.pfn) return limitReason(sight, "pfn") ?? "page frame numbers are hidden";
  if (what === "mapcount" && !sight.capabilities.kpageflags) {
    return limitReason(sight, "kpageflags") ?? "/proc/kpagecount cannot be read";
  }
  return "not read yet";
}

function limitReason(sight: Sight, capability: string): string | undefined {
  return sight.limits.find((limit) => limit.capability === capability)?.reason;
}
