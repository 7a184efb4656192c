import { describe, expect, it } from "vitest";
import { CellState } from "../wire/generated";
import type { PageDetail, PartRun } from "../wire/types";
import { pageParts, partCounts, stateNumber } from "./parts";

function run(first: number, count: number, state: PartRun["state"], inferred = false): PartRun {
  return {
    first,
    count,
    part_bytes: 4096,
    state,
    level: "pte",
    present_bytes: 0,
    folio_bytes: null,
    inferred,
  };
}

function parts(...runs: PartRun[]): ReturnType<typeof pageParts> {
  return pageParts({ parts: runs } as unknown as PageDetail);
}

describe("the parts of a page", () => {
  it("are spread out from runs", () => {
    const made = parts(run(0, 2, "mapped"), run(2, 3, "hole"), run(5, 1, "mapped", true));
    expect(made?.count).toBe(6);
    expect([...(made?.states ?? [])]).toEqual([1, 1, 0, 0, 0, 1]);
    expect(made && partCounts(made)).toEqual([
      { state: CellState.HOLE, count: 3, inferred: 0 },
      { state: CellState.MAPPED, count: 3, inferred: 1 },
    ]);
  });

  it("of a chunk may be counted from the page's start", () => {
    expect(parts(run(512, 500, "mapped"), run(1012, 12, "hole"))?.count).toBe(512);
  });

  it("are nothing to draw where there is only one", () => {
    expect(parts()).toBeNull();
    expect(parts(run(0, 1, "mapped"))).toBeNull();
  });

  it("have the states of cells", () => {
    expect(stateNumber("poisoned")).toBe(CellState.POISONED);
    expect(stateNumber("small")).toBe(CellState.SMALL);
  });
});
