/** What is known of an entry of the map, as terms and values; what is not known comes with the reason. */
import type { CellFacts, GroupFacts, ItemFacts, PartFacts } from "../state/item-facts";
import {
  CellFlag,
  CellState,
  MAX_COUNT,
  PAGE_BYTES,
  SEVERAL_NODES,
  UNKNOWN_COUNT,
  UNKNOWN_NODE,
} from "../wire/generated";
import type { MappingInfo } from "../wire/types";
import { address, addressRange, age, bytes, integer } from "./format";
import { columnOf, rowOf, type CellSpan, type TableGeometry } from "./geometry";
import { flagWords, reason, stateName, stateWords, type Sight } from "./words";

/** One line: a term and what is known. `unknown` marks values that are a reason instead. */
export interface Fact {
  readonly key: string;
  readonly term: string;
  readonly value: string;
  readonly unknown: boolean;
}

/** Where the facts are from. */
export interface FactsOf {
  readonly info: MappingInfo;
  /** Of the axes, in entries. */
  readonly geometry: TableGeometry;
  readonly entry: number;
  readonly item: ItemFacts;
  /** What explains missing values. */
  readonly sight: Sight | null;
  /** How long this page has been looking. */
  readonly watchedS: number;
}

const FOUR_GIB = 2 ** 32;
const INFERRED = " (inferred, not observed)";

function known(key: string, term: string, value: string): Fact {
  return { key, term, value, unknown: false };
}

/** Everything that the picture itself knows of one of its entries. */
export function itemFacts(of: FactsOf): Fact[] {
  const { item } = of;
  if (item.kind === "part") return partFacts(of, item);
  const changed = known("changed", "last change", changedWords(item.changedAgoS, of.watchedS));
  const facts = item.kind === "cell" ? cellFacts(of, item) : groupFacts(of, item);
  return [...placeFacts(of.info, item.cells), ...facts, changed];
}

/** Where these cells are: in memory, in the file and in the guest. */
export function placeFacts(info: MappingInfo, { first, count }: CellSpan): Fact[] {
  const size = info.page_size;
  const va = (Math.floor(info.start / size) + first) * size;
  const facts = [known("address", "address", addressRange(va, va + count * size))];
  // Of a cell that begins before the mapping does, the first byte that is mapped.
  const into = Math.max(va, info.start) - info.start;
  if (info.backing.kind !== "anonymous") {
    facts.push(known("offset", "file offset", address(info.backing.offset + into)));
  }
  return [...facts, ...guestFacts(info, into)];
}

function guestFacts({ guest }: MappingInfo, into: number): Fact[] {
  if (guest === null) return [];
  const offset = guest.offset + into;
  const ram = guest.backend === null ? "" : ` of ${guest.backend}`;
  const facts = [
    known("guest", "guest RAM", `${address(offset)}${ram}${guest.inferred ? " (inferred)" : ""}`),
  ];
  const low = guest.low_bytes;
  if (low !== null) {
    const physical = offset < low ? offset : offset - low + FOUR_GIB;
    facts.push(known("guest-physical", "guest physical", `${address(physical)} (inferred)`));
  }
  return facts;
}

function cellFacts({ info, geometry, entry, sight }: FactsOf, item: CellFacts): Fact[] {
  const { state, flags } = item;
  const inferred = (flags & CellFlag.INFERRED) !== 0 ? INFERRED : "";
  const mapped = `${bytes(item.mappedPages * PAGE_BYTES)} of ${bytes(info.page_size)}`;
  return [
    known("entry", "entry", entryWords(geometry, entry)),
    known("state", "state", stateWords(state, info.page_size) + inferred),
    known("mapped", "mapped", mapped),
    countFact("mapcount", "mapcount (kernel)", item.mapcount, state, sight),
    countFact("mappers", "mappers", item.mappers, state, sight),
    nodeFact(item.node, state, sight),
    known("flags", "flags", flagWords(flags)),
  ];
}

function groupFacts({ info, sight }: FactsOf, item: GroupFacts): Fact[] {
  const flagged: readonly (readonly [number, string])[] = [
    [item.writeProtected, "write-protected"],
    [item.sharedTable, "through a shared page table"],
    [item.inferred, "inferred"],
  ];
  const flags = flagged
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${integer(count)} ${word}`);
  // Of cells of which none is present the reason is that of a hole.
  const state = item.mappedPages > 0 ? CellState.MAPPED : CellState.HOLE;
  const mapped = `${bytes(item.mappedPages * PAGE_BYTES)} of ${bytes(item.cells.count * info.page_size)}`;
  return [
    known("counts", "cells", countsWords(item.counts)),
    known("mapped", "mapped", mapped),
    countFact("mapcount", "highest mapcount", item.mapcount, state, sight),
    countFact("mappers", "most mappers", item.mappers, state, sight),
    nodeFact(item.node, state, sight),
    known("flags", "flags", flags.length === 0 ? "none" : flags.join(", ")),
  ];
}

function partFacts({ geometry, entry }: FactsOf, item: PartFacts): Fact[] {
  const size = geometry.pageSize;
  const va = geometry.tableVa + (geometry.firstColumn + entry) * size;
  const inferred = item.inferred ? INFERRED : "";
  const facts = [
    known("address", "address", addressRange(va, va + size)),
    known("entry", "entry", entryWords(geometry, entry)),
    known("state", "state", stateWords(item.state, size) + inferred),
    known("mapped", "mapped", `${bytes(item.presentBytes)} of ${bytes(size)}`),
  ];
  const level = item.level?.toUpperCase();
  if (level !== undefined) facts.push(known("level", "mapped by", `a ${level} entry`));
  else if (item.presentBytes > 0) {
    const value = "unknown (cannot be told from the page table’s numbers)";
    facts.push({ key: "level", term: "mapped by", value, unknown: true });
  }
  if (item.folioBytes !== null) facts.push(known("folio", "folio", bytes(item.folioBytes)));
  return facts;
}

function entryWords(geometry: TableGeometry, entry: number): string {
  return `${columnOf(geometry, entry)} of table ${rowOf(geometry, entry)}`;
}

/** "mapped 500, hole 12", what there is most of first. */
export function countsWords(counts: ArrayLike<number>): string {
  return Array.from(counts, (count, state) => ({ count, state }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .map(({ count, state }) => `${stateName(state)} ${integer(count)}`)
    .join(", ");
}

/** When cells changed last. What was never seen to change did not for as long as anyone here looked. */
export function changedWords(changedAgoS: number | null, watchedS: number): string {
  if (changedAgoS !== null) return `${age(changedAgoS)} ago`;
  return `none since this server first saw it, at least ${age(watchedS)} ago`;
}

function countFact(
  key: "mapcount" | "mappers",
  term: string,
  count: number,
  state: number,
  sight: Sight | null,
): Fact {
  if (count === UNKNOWN_COUNT) {
    return { key, term, value: `unknown (${reason(key, state, sight)})`, unknown: true };
  }
  return known(key, term, count === MAX_COUNT ? `${integer(count)} or more` : integer(count));
}

function nodeFact(node: number, state: number, sight: Sight | null): Fact {
  const term = "NUMA node";
  if (node === UNKNOWN_NODE) {
    return { key: "node", term, value: `unknown (${reason("node", state, sight)})`, unknown: true };
  }
  return known("node", term, node === SEVERAL_NODES ? "several" : String(node));
}
