import { describe, expect, it } from "vitest";
import type { CellFacts, GroupFacts, ItemFacts, PartFacts } from "../state/item-facts";
import { sampleHost, sampleMapping } from "../state/samples";
import {
  CellFlag,
  CellState,
  MAX_COUNT,
  SEVERAL_NODES,
  UNKNOWN_COUNT,
  UNKNOWN_NODE,
} from "../wire/generated";
import type { MappingInfo } from "../wire/types";
import { changedWords, itemFacts } from "./facts";
import { tableGeometry } from "./geometry";

const TWO_MIB = 2 * 2 ** 20;
const INFO = sampleMapping({ backing: { kind: "memfd", name: "ram", inode: 1, offset: TWO_MIB } });
const HOST = sampleHost([]);

const HOLE: CellFacts = {
  kind: "cell",
  cells: { first: 3, count: 1 },
  changedAgoS: null,
  state: CellState.HOLE,
  mappedPages: 0,
  mapcount: UNKNOWN_COUNT,
  mappers: UNKNOWN_COUNT,
  flags: 0,
  node: UNKNOWN_NODE,
};

function facts(item: ItemFacts, info: MappingInfo = INFO): Record<string, string> {
  const geometry = tableGeometry(info.start, TWO_MIB, 512);
  const entry = item.cells.first;
  const list = itemFacts({ info, geometry, entry, item, sight: HOST, watchedS: 65 });
  return Object.fromEntries(list.map((fact) => [fact.key, fact.value]));
}

describe("the facts of a cell", () => {
  it("of a mapped one", () => {
    const item: CellFacts = {
      ...HOLE,
      changedAgoS: 3.2,
      state: CellState.MAPPED,
      mappedPages: 512,
      mapcount: 1,
      mappers: MAX_COUNT,
      flags: CellFlag.EXCLUSIVE,
      node: 1,
    };
    expect(facts(item)).toEqual({
      address: "0x7f0000600000–0x7f0000800000",
      entry: "3 of table 0",
      offset: "0x800000",
      state: "mapped in full by one 2 MiB entry",
      mapped: "2 MiB of 2 MiB",
      mapcount: "1",
      mappers: "65,534 or more",
      node: "1",
      flags: "exclusive",
      changed: "3.2 s ago",
    });
  });

  it("of a hole are unknown for a reason, not zero", () => {
    const all = facts(HOLE);
    expect(all.mapcount).toBe("unknown (no page here)");
    expect(all.node).toBe("unknown (no page here)");
    expect(all.flags).toBe("none");
    expect(all.changed).toBe("none since this server first saw it, at least 65 s ago");
  });

  it("say what is inferred", () => {
    const item = { ...HOLE, state: CellState.FULL, flags: CellFlag.INFERRED };
    expect(facts(item).state).toContain("(inferred, not observed)");
  });

  it("of a cell that begins before its mapping have the offset of what is mapped", () => {
    const info = sampleMapping({ ...INFO, kind: "thp", start: INFO.start + 0x3000 });
    const of = (first: number): (string | undefined)[] => {
      const all = facts({ ...HOLE, cells: { first, count: 1 } }, info);
      return [all.address, all.offset];
    };
    expect(of(0)).toEqual(["0x7f0000000000–0x7f0000200000", "0x200000"]);
    expect(of(1)).toEqual(["0x7f0000200000–0x7f0000400000", "0x3fd000"]);
  });

  it("of anonymous memory have no file offset", () => {
    const backing = { kind: "anonymous", name: null, inode: null, offset: 0 } as const;
    expect(facts(HOLE, sampleMapping({ backing })).offset).toBeUndefined();
  });

  it("of a guest's RAM have where the guest sees it", () => {
    const guest = { offset: 0, backend: "ram0", low_bytes: 2 * TWO_MIB, inferred: true };
    const low = facts({ ...HOLE, cells: { first: 1, count: 1 } }, sampleMapping({ guest }));
    expect(low.guest).toBe("0x200000 of ram0 (inferred)");
    expect(low["guest-physical"]).toBe("0x200000 (inferred)");
    expect(facts(HOLE, sampleMapping({ guest }))["guest-physical"]).toBe("0x100200000 (inferred)");
    const unknown = { ...guest, low_bytes: null };
    expect(facts(HOLE, sampleMapping({ guest: unknown }))["guest-physical"]).toBeUndefined();
  });
});

it("the facts of a group are sums", () => {
  const item: GroupFacts = {
    kind: "group",
    cells: { first: 0, count: 8 },
    changedAgoS: 0.5,
    counts: [3, 4, 0, 0, 0, 0, 1, 0, 0],
    mappedPages: 4 * 512,
    writeProtected: 2,
    sharedTable: 0,
    inferred: 0,
    mapcount: 3,
    mappers: UNKNOWN_COUNT,
    node: SEVERAL_NODES,
  };
  expect(facts(item)).toMatchObject({
    address: "0x7f0000000000–0x7f0001000000",
    counts: "mapped 4, hole 3, poisoned 1",
    mapped: "8 MiB of 16 MiB",
    mapcount: "3",
    mappers: "unknown (not read yet)",
    node: "several",
    flags: "2 write-protected",
  });
});

it("the facts of a part of a page", () => {
  const item: PartFacts = {
    kind: "part",
    cells: { first: 3, count: 1 },
    changedAgoS: null,
    part: 3,
    state: CellState.MAPPED,
    inferred: false,
    level: "pte",
    presentBytes: 4096,
    folioBytes: 65_536,
  };
  expect(facts(item)).toMatchObject({ level: "a PTE entry", folio: "64 KiB" });
  expect(facts({ ...item, level: null }).level).toContain("unknown");
  expect(facts({ ...item, level: null, presentBytes: 0 }).level).toBeUndefined();
});

it("the last change", () => {
  expect(changedWords(12, 0)).toBe("12 s ago");
  expect(changedWords(null, 600)).toContain("at least 10 min ago");
});
