import { describe, expect, it } from "vitest";
import { MappingCells } from "../state/cells";
import { sampleHost, sampleMapping } from "../state/samples";
import { CellFlag, CellState, MAX_COUNT } from "../wire/generated";
import { tableGeometry } from "./geometry";
import { cellFacts, flagWords, reason, stateName, stateWords, takenWords } from "./words";

const TWO_MIB = 2 * 2 ** 20;
const INFO = sampleMapping({ backing: { kind: "memfd", name: "ram", inode: 1, offset: TWO_MIB } });
const GEOMETRY = tableGeometry(INFO.start, TWO_MIB, 512);
const HOST = sampleHost([]);

function facts(cells: MappingCells, info = INFO): Record<string, string> {
  const list = cellFacts(info, GEOMETRY, cells.columns, 3, HOST);
  return Object.fromEntries(list.map((fact) => [fact.key, fact.value]));
}

describe("the facts of a cell", () => {
  it("of a mapped one", () => {
    const cells = new MappingCells(512, TWO_MIB);
    const { columns } = cells;
    columns.state[3] = CellState.MAPPED;
    columns.mappedPages[3] = 512;
    columns.mapcount[3] = 1;
    columns.mappers[3] = MAX_COUNT;
    columns.node[3] = 1;
    columns.flags[3] = CellFlag.EXCLUSIVE;
    expect(facts(cells)).toEqual({
      address: "0x7f0000600000–0x7f0000800000",
      entry: "3 of table 0",
      offset: "0x800000",
      state: "mapped in full by one 2 MiB entry",
      mapped: "2 MiB of 2 MiB",
      mapcount: "1",
      mappers: "65,534 or more",
      node: "1",
      flags: "exclusive",
    });
  });

  it("of a hole are unknown for a reason, not zero", () => {
    const all = facts(new MappingCells(512, TWO_MIB));
    expect(all.mapcount).toBe("unknown (no page here)");
    expect(all.node).toBe("unknown (no page here)");
    expect(all.flags).toBe("none");
  });

  it("say what is inferred", () => {
    const cells = new MappingCells(512, TWO_MIB);
    cells.columns.state[3] = CellState.FULL;
    cells.columns.flags[3] = CellFlag.INFERRED;
    expect(facts(cells).state).toContain("(inferred, not observed)");
  });

  it("of a cell that begins before its mapping have the offset of what is mapped", () => {
    const info = sampleMapping({ ...INFO, kind: "thp", start: INFO.start + 0x3000 });
    const geometry = tableGeometry(info.start, TWO_MIB, 512);
    const { columns } = new MappingCells(512, TWO_MIB);
    const of = (cell: number): string[] =>
      cellFacts(info, geometry, columns, cell, HOST)
        .filter(({ key }) => key === "address" || key === "offset")
        .map(({ value }) => value);
    expect(of(0)).toEqual(["0x7f0000000000–0x7f0000200000", "0x200000"]);
    expect(of(1)).toEqual(["0x7f0000200000–0x7f0000400000", "0x3fd000"]);
  });

  it("of anonymous memory have no file offset", () => {
    const backing = { kind: "anonymous", name: null, inode: null, offset: 0 } as const;
    expect(
      facts(new MappingCells(512, TWO_MIB), sampleMapping({ backing })).offset,
    ).toBeUndefined();
  });
});

describe("why something is unknown", () => {
  const blind = { ...HOST.capabilities, pfn: false, kpageflags: false };
  const limits = [{ capability: "pfn", reason: "no CAP_SYS_ADMIN", cost: "", remedy: null }];

  it("is what the agent says, where it says so", () => {
    const sight = { capabilities: blind, limits };
    expect(reason("node", CellState.MAPPED, sight)).toBe("no CAP_SYS_ADMIN");
    expect(reason("mapcount", CellState.POISONED, sight)).toBe("the entry names no page");
  });

  it("is said without the agent's words too", () => {
    expect(reason("node", CellState.MAPPED, { capabilities: blind, limits: [] })).toContain(
      "hidden",
    );
    const uncounted = { capabilities: { ...blind, pfn: true }, limits: [] };
    expect(reason("mapcount", CellState.MAPPED, uncounted)).toContain("kpagecount");
    expect(reason("mappers", CellState.MAPPED, uncounted)).toBe("not read yet");
    expect(reason("mappers", CellState.MAPPED, null)).toBe("not read");
  });
});

describe("words", () => {
  it("exist for every state", () => {
    for (const state of Object.values(CellState)) {
      expect(stateWords(state, TWO_MIB)).not.toMatch(/^state /);
      expect(stateName(state)).not.toMatch(/^state /);
    }
    expect(stateName(99)).toBe("state 99");
    expect(flagWords(CellFlag.SHARED_TABLE | CellFlag.WRITE_PROTECTED)).toBe(
      "write-protected (uffd), shared page table",
    );
  });
});

describe("the time of a picture that is not live", () => {
  it.each([
    ["capture", "captured tree read here 12:00 (not when it was captured)"],
    ["replay", "recorded tree read here 12:00 (not when it was recorded)"],
  ] as const)("%s", (kind, text) => {
    expect(takenWords(kind).join(" 12:00 ")).toBe(text);
  });
});
