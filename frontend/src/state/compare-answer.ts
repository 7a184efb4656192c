/** What an answer says that was compared: it names what the question may have left to be filled in. */
import { SIDE_NAMES, whatText, type CompareSide, type SideName } from "../lib/compare";
import type { Comparison, MappingDiff } from "../wire/types";

/** Two mappings that were compared cell by cell. */
export interface ComparedPair {
  readonly mapping: MappingDiff;
  readonly sides: Readonly<Record<SideName, CompareSide>>;
}

/** The two mappings of an answer; null: it is about hosts or processes. */
export function comparedPair(comparison: Comparison): ComparedPair | null {
  const { document, cells } = comparison;
  const [mapping, ...others] = document.mappings;
  if (mapping === undefined || others.length > 0 || document.pools !== null) return null;
  // Too many cells to draw are no less named.
  if (cells === null && mapping.matched_by !== "named") return null;
  const side = (name: SideName): CompareSide => {
    const { host_id: hostId, at_s: atS } = comparison[name];
    const { pid, start } = mapping[name];
    return { hostId, pid, start, atS };
  };
  return { mapping, sides: { a: side("a"), b: side("b") } };
}

/** Both sides for the CSV, which takes nothing but names; each at the very moment that was told, or the present. */
export function csvQuery({ sides }: ComparedPair): Readonly<Record<SideName, string>> {
  const text = (side: CompareSide): string =>
    whatText(side) + (side.atS === null ? "" : `@${side.atS}`);
  return { a: text(sides.a), b: text(sides.b) };
}

/** The same for answers in which a place on the maps means the same: whatever the moments, and also swapped. */
export function pairKey({ sides }: ComparedPair, places: number): string {
  const names = SIDE_NAMES.map((name) => whatText(sides[name]));
  return [...names.sort(), places].join(" ");
}
