import { describe, expect, it } from "vitest";
import { sampleHost } from "../state/samples";
import { CellFlag, CellState } from "../wire/generated";
import { flagWords, reason, stateName, stateWords, takenWords } from "./words";

const TWO_MIB = 2 * 2 ** 20;
const HOST = sampleHost([]);

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
      expect(stateName(state)).not.toBe("unknown");
    }
    expect(stateName(99)).toBe("unknown");
    expect(flagWords(CellFlag.SHARED_TABLE | CellFlag.WRITE_PROTECTED)).toBe(
      "write-protected (uffd), shared page table",
    );
  });
});

describe("the time of a picture that is not live", () => {
  it.each([
    ["capture", false, "captured tree read here 12:00 (not when it was captured)"],
    ["replay", false, "recorded tree read here 12:00 (not when it was recorded)"],
    ["replay", true, "recorded 12:00 by the clock of that host"],
  ] as const)("%s, played: %s", (kind, played, text) => {
    expect(takenWords(kind, played).join(" 12:00 ")).toBe(text);
  });
});
