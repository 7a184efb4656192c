/** One place of a comparison in words. */
import {
  addressOf,
  cellWords,
  factsWords,
  NO_CELL,
  type CellPlaces,
  type SideName,
} from "../lib/compare";
import { bytes, integer } from "../lib/format";
import { CellState } from "../wire/generated";
import type { MappingDiff } from "../wire/types";

/** Of each side what it is there, and whether nothing differs. */
export interface PlaceWords extends Readonly<Record<SideName, string>> {
  readonly same: boolean;
}

/** `place`: counted along both mappings. */
export function placeWords(places: CellPlaces, mapping: MappingDiff, place: number): PlaceWords {
  const cells = { a: place - places.a.shift, b: place - places.b.shift };
  const run = mapping.runs.find(
    ({ first_a: first, count }) => cells.a >= first && cells.a < first + count,
  );
  const both = places.a.state[place] !== NO_CELL && places.b.state[place] !== NO_CELL;
  const of = (side: SideName): string => {
    const columns = places[side];
    const state = columns.state[place] ?? NO_CELL;
    if (state === NO_CELL) return "no such cell";
    const offset = bytes(cells[side] * mapping[side].page_size);
    const where = `cell ${integer(cells[side])} at ${addressOf(mapping[side], cells[side])}, ${offset} in`;
    const what = cellWords(state, columns.flags[place] ?? 0);
    const share = state === CellState.PARTIAL ? ` (${columns.level[place] ?? 0}/16 or more)` : "";
    if (!run || !both) return `${where}: ${what}${share}`;
    const [own, other] = side === "a" ? [run.from, run.to] : [run.to, run.from];
    return `${where}: ${factsWords(own, other)}`;
  };
  return { a: of("a"), b: of("b"), same: both && places.changed[place] !== 1 };
}
