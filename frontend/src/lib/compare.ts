/**
 * The sides of a comparison as the address and the server's route have them: `HOST`, `HOST/PID` or `HOST/PID/0xSTART`, with
 * `@SECONDS` behind it for a moment of its own.
 */
import type { CellFacts, ComparedCells, MappingRef, StateChange } from "../wire/types";
import { CellFlag, CellState } from "../wire/generated";
import { address, bytes, integer } from "./format";

export type SideName = "a" | "b";
export const SIDE_NAMES: readonly SideName[] = ["a", "b"];

/** What is compared. */
export interface CompareSide {
  readonly hostId: string;
  readonly pid: number | null;
  /** Of the mapping. */
  readonly start: number | null;
  /** Seconds since 1970; null: whatever moment the page shows. */
  readonly atS: number | null;
}

const SIDE =
  /^([A-Za-z0-9._:-]{1,128})(?:\/([1-9][0-9]{0,9})(?:\/0x([0-9a-f]{1,14}))?)?(?:@([0-9]{1,10}(?:\.[0-9]{1,9})?))?$/;

/** What a text names; null: nothing. */
export function parseSide(text: string | null): CompareSide | null {
  const [, hostId, pid, start, at] = SIDE.exec(text ?? "") ?? [];
  if (hostId === undefined) return null;
  return {
    hostId,
    pid: pid === undefined ? null : Number(pid),
    start: start === undefined ? null : Number.parseInt(start, 16),
    atS: at === undefined ? null : Number(at),
  };
}

/** The text of a side without its moment. */
export function whatText({ hostId, pid, start }: Omit<CompareSide, "atS">): string {
  const process = pid === null ? "" : `/${pid}`;
  return hostId + process + (pid === null || start === null ? "" : `/0x${start.toString(16)}`);
}

/** The text of a side; `atS`: the moment of the page, for a side that has none of its own. */
export function sideText(side: CompareSide, atS: number | null = null): string {
  const at = side.atS ?? atS;
  return whatText(side) + (at === null ? "" : `@${secondsText(at)}`);
}

/** To the millisecond, and never before what happened at that moment. */
export function secondsText(atS: number): string {
  return String(Math.ceil(Math.round(atS * 1e6) / 1e3) / 1e3);
}

/** The columns of one side; 255 in place of a state: it has no cell there. */
export interface SideColumns {
  readonly state: Uint8Array;
  readonly flags: Uint8Array;
  /** Sixteenths that are mapped. */
  readonly level: Uint8Array;
  /** Place of its first cell. */
  readonly shift: number;
}

/** Every cell at the place where it is compared. */
export interface CellPlaces {
  readonly count: number;
  readonly a: SideColumns;
  readonly b: SideColumns;
  /** 1 where anything differs. */
  readonly changed: Uint8Array;
}

export const NO_CELL = 255;
const COLUMNS = 7;

/** The columns of an answer, unpacked. Throws where they are not as long as it says. */
export function placesOf(cells: ComparedCells, columns: Uint8Array): CellPlaces {
  const { count } = cells;
  if (columns.length !== count * COLUMNS) throw new Error("The server's answer is cut.");
  const column = (at: number): Uint8Array => columns.subarray(at * count, (at + 1) * count);
  const side = (first: number, shift: number): SideColumns => ({
    state: column(first),
    flags: column(first + 1),
    level: column(first + 2),
    shift,
  });
  return { count, a: side(0, cells.shift_a), b: side(3, cells.shift_b), changed: column(6) };
}

/** The next place from `from` on, in steps of 1 or -1, that changed or has a cell on one side only; null: none. */
export function nextChange(places: CellPlaces, from: number, step: 1 | -1): number | null {
  for (let at = from + step; at >= 0 && at < places.count; at += step) {
    if (differs(places, at)) return at;
  }
  return null;
}

/** Whether a place changed, or only one side has a cell there. */
export function differs({ changed, a, b }: CellPlaces, at: number): boolean {
  return changed[at] === 1 || (a.state[at] === NO_CELL) !== (b.state[at] === NO_CELL);
}

/** The difference of what is mapped, with its sign. */
export function gainWords({ bytes_a: before, bytes_b: after }: StateChange): string {
  if (before === after) return "0 B";
  return after > before ? `+${bytes(after - before)}` : bytes(after - before);
}

const FACTS = ["mapped_bytes", "mapcount", "mappers", "node", "flags"] as const;

/** The state, and of all else what differs. */
export function factsWords(facts: CellFacts, other: CellFacts): string {
  const words: string[] = [facts.state];
  for (const name of FACTS) {
    const value = facts[name];
    if (String(value) === String(other[name])) continue;
    // Of no page there is no more to say.
    if (facts.mapped_bytes === 0 && (name !== "flags" || facts.flags.length === 0)) continue;
    if (name === "flags") words.push(`flags ${facts.flags.join(" ") || "none"}`);
    else if (name === "mapped_bytes") words.push(`${bytes(facts.mapped_bytes)} mapped`);
    else words.push(`${name} ${value === null ? "unknown" : integer(value as number)}`);
  }
  return words.join(", ").replaceAll("_", " ");
}

/** Where a cell begins. */
export function addressOf(ref: MappingRef, cell: number): string {
  const first = ref.start - (ref.start % ref.page_size);
  return address(Math.max(ref.start, first + cell * ref.page_size));
}

/** A state by its number, with its flags, as the wire spells them but for underscores. */
export function cellWords(state: number, flags: number): string {
  const names = Object.entries(CellState).filter(([, number]) => number === state);
  const set = Object.entries(CellFlag).filter(([, flag]) => (flags & flag) !== 0);
  const words = [...names, ...set].map(([name]) => name.toLowerCase().replaceAll("_", " "));
  return words.join(", ");
}

/** Cells by their first and last number. */
export function cellsText(first: number, count: number): string {
  return count === 1 ? integer(first) : `${integer(first)}–${integer(first + count - 1)}`;
}

/** A moment as the time bar has it, in the time zone of this browser, as a date and a time to the millisecond. */
export function momentText(atS: number, between = " "): string {
  const at = new Date(Math.round(atS * 1000));
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, -1).replace("T", between);
}
