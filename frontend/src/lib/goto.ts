/** What people type to go somewhere in a mapping, and where that is. */
import type { MappingInfo } from "../wire/types";
import { address } from "./format";
import { cellOfAddress } from "./geometry";

/** A place as it was entered; `at` is in bytes, or the cell's number. */
export interface Goal {
  readonly kind: "address" | "offset" | "cell" | "file";
  readonly at: number;
}

/** A cell of a mapping of the process, or what is wrong with what was entered. */
export type Found =
  { readonly mapping: MappingInfo; readonly cell: number } | { readonly fault: string };

/** What may be entered, in one line. */
export const ACCEPTED =
  "an address (0x7f2a4c000000), +offset into the mapping (+1.5G, +0x200000), #cell (#4711), or f:offset into its file (f:3G)";

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};
const BASE_PAGE = 4096;
const HEX = /^0x([0-9a-f]{1,16})$/;
const BARE_HEX = /^(?=.*[a-f])[0-9a-f]{4,16}$/;
const SIZE = /^(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?$/;
const CELL = /^#(\d{1,10})$/;

/** Reads what was entered; null: it is none of what is accepted. */
export function parseGoal(entered: string): Goal | null {
  // People paste numbers as they are shown, with separators.
  const text = entered
    .trim()
    .toLowerCase()
    .replace(/[\s,_]/g, "");
  const cell = CELL.exec(text)?.[1];
  if (cell !== undefined) return { kind: "cell", at: Number(cell) };
  if (text.startsWith("+")) return goal("offset", size(text.slice(1)));
  if (text.startsWith("f:")) return goal("file", size(text.slice(2).replace(/^\+/, "")));
  return goal("address", hex(HEX.exec(text)?.[1] ?? BARE_HEX.exec(text)?.[0]));
}

function goal(kind: Goal["kind"], at: number | null): Goal | null {
  return at === null ? null : { kind, at };
}

function size(text: string): number | null {
  const digits = HEX.exec(text)?.[1];
  if (digits !== undefined) return hex(digits);
  const [, number, unit = ""] = SIZE.exec(text) ?? [];
  return number === undefined ? null : Math.floor(Number(number) * (UNITS[unit] ?? 1));
}

/** Down to the 4 KiB: a double would round some addresses beyond 2**53 up into the next page. */
function hex(digits: string | undefined): number | null {
  if (digits === undefined) return null;
  return Number.parseInt(digits.slice(0, -3) || "0", 16) * BASE_PAGE;
}

/** The cell that `entered` names; an address or file offset may lead to another of the process' `mappings`. */
export function goTo(entered: string, here: MappingInfo, mappings: readonly MappingInfo[]): Found {
  const wanted = parseGoal(entered);
  const shown = entered.trim();
  if (wanted === null) {
    return { fault: shown === "" ? `Enter ${ACCEPTED}.` : `“${shown}” is not ${ACCEPTED}.` };
  }
  switch (wanted.kind) {
    case "cell":
      if (wanted.at < here.cell_count) return { mapping: here, cell: wanted.at };
      return { fault: `“${shown}”: the last cell of this mapping is #${here.cell_count - 1}.` };
    case "offset":
      return (
        holding([here], here.start + wanted.at) ?? {
          fault: `“${shown}” is beyond this mapping, which ends at +${address(here.end - here.start)}.`,
        }
      );
    case "address":
      return (
        holding([here, ...mappings], wanted.at) ?? {
          fault: `“${shown}” is in no huge-page mapping of this process; this one is ${address(here.start)} to ${address(here.end)}.`,
        }
      );
    case "file":
      return inFile(wanted.at, shown, here, mappings);
  }
}

function holding(mappings: readonly MappingInfo[], va: number): Found | null {
  const mapping = mappings.find(({ start, end }) => va >= start && va < end);
  if (mapping === undefined) return null;
  return { mapping, cell: cellOfAddress(mapping.start, mapping.page_size, va) };
}

function inFile(
  offset: number,
  shown: string,
  here: MappingInfo,
  mappings: readonly MappingInfo[],
): Found {
  if (here.backing.kind === "anonymous") {
    return { fault: `“${shown}”: this mapping is anonymous and has no file.` };
  }
  const { inode } = here.backing;
  const same = mappings.filter(({ backing }) => inode !== null && backing.inode === inode);
  for (const mapping of [here, ...same]) {
    const found = holding([mapping], mapping.start + offset - mapping.backing.offset);
    if (found !== null) return found;
  }
  const { backing, start, end } = here;
  const last = backing.offset + end - start;
  return {
    fault: `“${shown}”: this process maps ${address(backing.offset)} to ${address(last)} of the file here, and not that offset.`,
  };
}
