import { describe, expect, it } from "vitest";
import type { CellFacts, MappingRef } from "../wire/types";
import {
  addressOf,
  cellWords,
  factsWords,
  gainWords,
  nextChange,
  NO_CELL,
  parseSide,
  placesOf,
  sideText,
  whatText,
} from "./compare";

const AT = 1772600767.5;

describe("sides", () => {
  it.each([
    ["box", { hostId: "box", pid: null, start: null, atS: null }],
    ["box@12.5", { hostId: "box", pid: null, start: null, atS: 12.5 }],
    ["a.b:c-d/7", { hostId: "a.b:c-d", pid: 7, start: null, atS: null }],
    ["box/7/0x7f00@1", { hostId: "box", pid: 7, start: 0x7f00, atS: 1 }],
  ])("%s is read and written", (text, side) => {
    expect(parseSide(text)).toEqual(side);
    expect(sideText(side)).toBe(text);
  });

  it.each(["", "/7", "box/0", "box/x", "box/7/7f00", "box@", "box@1e9", "box/7/0x7f00/1", "b x"])(
    "%j is nothing",
    (text) => {
      expect(parseSide(text)).toBeNull();
    },
  );

  it("take the moment of the page where they have none, and never one before it", () => {
    const side = { hostId: "box", pid: null, start: null, atS: null };
    expect(sideText(side, AT)).toBe(`box@${AT}`);
    expect(sideText({ ...side, atS: 1 }, AT)).toBe("box@1");
    expect(sideText(side, 5.00049)).toBe("box@5.001");
    expect(whatText({ hostId: "box", pid: null, start: 5 })).toBe("box");
  });
});

describe("places", () => {
  // Three places: a has the first two, b the last two.
  const cells = { count: 3, shift_a: 0, shift_b: 1, columns: "" };
  const bytes = Uint8Array.from([
    ...[0, 1, NO_CELL, 0, 1, 0, 0, 15, 0],
    ...[NO_CELL, 0, 1, 0, 0, 1, 0, 0, 15],
    ...[0, 1, 0],
  ]);

  it("are seven columns", () => {
    const { a, b, changed, count } = placesOf(cells, bytes);
    expect([count, a.shift, b.shift]).toEqual([3, 0, 1]);
    expect([[...a.state], [...a.flags], [...a.level]]).toEqual([
      [0, 1, NO_CELL],
      [0, 1, 0],
      [0, 15, 0],
    ]);
    expect([...b.state]).toEqual([NO_CELL, 0, 1]);
    expect([...changed]).toEqual([0, 1, 0]);
  });

  it("are refused where an answer is cut", () => {
    expect(() => placesOf(cells, bytes.subarray(1))).toThrow("cut");
  });

  it("that changed, or that one side has not, are found in both directions", () => {
    const places = placesOf(cells, bytes);
    expect([-1, 0, 1, 2].map((from) => nextChange(places, from, 1))).toEqual([0, 1, 2, null]);
    expect(nextChange(places, 1, -1)).toBe(0);
    places.b.state[0] = 0;
    expect(nextChange(places, 1, -1)).toBeNull();
  });
});

describe("words", () => {
  const hole: CellFacts = {
    state: "hole",
    mapped_bytes: 0,
    mapcount: null,
    mappers: null,
    node: null,
    flags: [],
  };
  const mapped: CellFacts = {
    state: "mapped",
    mapped_bytes: 2 ** 21,
    mapcount: 1,
    mappers: null,
    node: 0,
    flags: ["write_protected"],
  };

  it("tell the state, and of all else what differs", () => {
    expect(factsWords(hole, mapped)).toBe("hole");
    expect(factsWords(mapped, { ...mapped, node: 1 })).toBe("mapped, node 0");
    expect(factsWords(mapped, { ...mapped, mappers: 2 })).toBe("mapped, mappers unknown");
    expect(factsWords(mapped, hole)).toBe(
      "mapped, 2 MiB mapped, mapcount 1, node 0, flags write protected",
    );
  });

  it("tell what came and went with a sign", () => {
    const change = { from: "hole", to: "mapped", cells: 1 } as const;
    expect(gainWords({ ...change, bytes_a: 0, bytes_b: 4096 })).toBe("+4 KiB");
    expect(gainWords({ ...change, bytes_a: 4096, bytes_b: 0 })).toBe("−4 KiB");
    expect(gainWords({ ...change, bytes_a: 4096, bytes_b: 4096 })).toBe("0 B");
  });

  it("name a cell by its state and flags, and where it begins", () => {
    expect(cellWords(1, 2)).toBe("mapped, write protected");
    const ref = { start: 0x201000, page_size: 0x200000 } as MappingRef;
    expect([addressOf(ref, 0), addressOf(ref, 1)]).toEqual(["0x201000", "0x400000"]);
  });
});
