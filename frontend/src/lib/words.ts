/** What is known of a cell, in words; what is not known comes with the reason. */
import { CellFlag, CellState } from "../wire/generated";
import type { Capabilities, Limit } from "../wire/types";
import { bytes } from "./format";

/** What explains missing values; null where the host is not known any more. */
export interface Sight {
  readonly capabilities: Capabilities;
  readonly limits: readonly Limit[];
}

/**
 * What the time of a picture that is not live means: when it was made where it is `played` from a recording, else when the
 * agent here read the files, which is not when they were made.
 */
export function takenWords(
  kind: "capture" | "replay",
  played: boolean,
): readonly [before: string, after: string] {
  if (played) return ["recorded", "by the clock of that host"];
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

/** One word for a state, for counts; "unknown" for what is none. */
export function stateName(state: number): string {
  const entry = Object.entries(CellState).find(([, number]) => number === state);
  return entry?.[0].toLowerCase() ?? "unknown";
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
