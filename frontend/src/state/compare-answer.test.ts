import { describe, expect, it } from "vitest";
import type { Comparison } from "../wire/types";
import { comparedPair, csvQuery, pairKey, type ComparedPair } from "./compare-answer";

const ref = (pid: number, start: number): object => ({ pid, start });
const NAMED = { a: ref(7, 0x7f00), b: ref(8, 0x5500), matched_by: "named" };

function answer(mappings: readonly object[], about: object = {}): Comparison {
  const a = { host_id: "one", at_s: 1772600767.123456 };
  const b = { host_id: "two", at_s: null };
  const cells = { count: 64 };
  const made: unknown = { document: { mappings, pools: null }, cells, a, b, ...about };
  return made as Comparison;
}

function pairOf(comparison: Comparison): ComparedPair {
  const pair = comparedPair(comparison);
  if (pair === null) throw new Error("two mappings were compared");
  return pair;
}

describe("an answer", () => {
  it("names both mappings, however little the question did", () => {
    const { sides, mapping } = pairOf(answer([NAMED]));
    expect(mapping).toBe(NAMED);
    expect(sides.a).toEqual({ hostId: "one", pid: 7, start: 0x7f00, atS: 1772600767.123456 });
    expect(sides.b).toEqual({ hostId: "two", pid: 8, start: 0x5500, atS: null });
    expect(pairOf(answer([NAMED], { cells: null })).sides).toEqual(sides);
  });

  it("leads to a CSV of the moments that were told, to the last digit", () => {
    expect(csvQuery(pairOf(answer([NAMED])))).toEqual({
      a: "one/7/0x7f00@1772600767.123456",
      b: "two/8/0x5500",
    });
  });

  it.each([
    ["of nothing", answer([])],
    ["of several pairs", answer([NAMED, NAMED])],
    ["of hosts", answer([NAMED], { document: { mappings: [NAMED], pools: [] } })],
    ["of processes", answer([{ ...NAMED, matched_by: "address" }], { cells: null })],
  ])("%s is of no two mappings", (_, comparison) => {
    expect(comparedPair(comparison)).toBeNull();
  });

  it("keeps its zoom when sides are swapped or time goes, not for other mappings", () => {
    const pair = pairOf(answer([NAMED]));
    const key = pairKey(pair, 64);
    const { a, b } = pair.sides;
    expect(pairKey({ ...pair, sides: { a: b, b: { ...a, atS: 3 } } }, 64)).toBe(key);
    expect(pairKey({ ...pair, sides: { a, b: { ...b, start: 0x6600 } } }, 64)).not.toBe(key);
    expect(pairKey({ ...pair, sides: { a, b: { ...b, hostId: "one" } } }, 64)).not.toBe(key);
    expect(pairKey(pair, 65)).not.toBe(key);
  });
});
