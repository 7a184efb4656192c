import { expect, it } from "vitest";
import { levelsOf } from "../lib/levels";
import { CellState, SEVERAL_NODES, UNKNOWN_AGE, UNKNOWN_NODE } from "../wire/generated";
import { Picture } from "./picture";
import { SAMPLE_ADDRESS, sampleCells, sampleFrame, sampleMapping } from "./samples";
import { spanFacts } from "./span-facts";

const { HOLE, MAPPED, POISONED } = CellState;

function picture(states: number[]): Picture {
  const info = sampleMapping();
  const level = levelsOf(info).find(({ kind }) => kind === "cells");
  if (level === undefined) throw new Error("no level of cells");
  const made = new Picture(SAMPLE_ADDRESS, info, { level, table: null, page: null }, "state");
  made.expect({ first: 0, count: states.length, shift: 0 });
  made.apply(sampleFrame([sampleCells(0, states, UNKNOWN_AGE)]), 1000);
  return made;
}

it("sums up what is loaded of a selection", () => {
  const made = picture([MAPPED, MAPPED, HOLE, POISONED]);
  const sum = spanFacts(made, { first: 1, count: 400 }, 2000);
  expect(sum).toMatchObject({ kind: "group", cells: { first: 1, count: 3 }, changedAgoS: null });
  expect(sum?.counts[MAPPED]).toBe(1);
  expect(sum?.counts[HOLE]).toBe(1);
  expect(sum?.counts[POISONED]).toBe(1);
  expect(sum?.mappedPages).toBe(512);
});

it("knows a change, and what it does not know", () => {
  const made = picture([HOLE, HOLE]);
  made.apply(sampleFrame([sampleCells(0, [MAPPED, HOLE])]), 3000);
  const sum = spanFacts(made, { first: 0, count: 2 }, 5000);
  expect(sum?.changedAgoS).toBeCloseTo(2);
  expect(spanFacts(made, { first: 400, count: 2 }, 5000)).toBeNull();
});

it("names a node only where it is that of all pages", () => {
  const nodeOf = (states: number[], nodes: number[]): number | undefined => {
    const made = picture(states.map(() => HOLE));
    made.apply(sampleFrame([{ ...sampleCells(0, states), node: Uint8Array.from(nodes) }]), 3000);
    return spanFacts(made, { first: 0, count: states.length }, 5000)?.node;
  };
  expect(nodeOf([MAPPED, HOLE, MAPPED], [1, UNKNOWN_NODE, 1])).toBe(1);
  expect(nodeOf([MAPPED, MAPPED], [0, 1])).toBe(SEVERAL_NODES);
  expect(nodeOf([MAPPED, MAPPED, MAPPED], [0, UNKNOWN_NODE, 0])).toBe(UNKNOWN_NODE);
  expect(nodeOf([MAPPED, MAPPED, MAPPED], [0, 1, UNKNOWN_NODE])).toBe(UNKNOWN_NODE);
  expect(nodeOf([HOLE, HOLE], [UNKNOWN_NODE, UNKNOWN_NODE])).toBe(UNKNOWN_NODE);
});
