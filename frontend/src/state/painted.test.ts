import { describe, expect, it } from "vitest";
import { COLOR_MODES, shownPaints } from "../lib/palette";
import { decodeFrame } from "../wire/frames";
import { CellState, UNKNOWN_AGE } from "../wire/generated";
import { frameBytes, goldenCases } from "../wire/golden";
import { CellItems } from "./cells";
import { PaintedItems } from "./painted";
import { sampleCells, sampleFrame } from "./samples";

const TWO_MIB = 2 * 2 ** 20;

describe("paints that follow changes", () => {
  it.each(COLOR_MODES)("equal paints made anew, by %s", (mode) => {
    for (const golden of goldenCases()) {
      const view = { first: 0, count: golden.cell_count, shift: 0 } as const;
      const cells = new CellItems(view, golden.page_size, 0);
      const following = new PaintedItems(cells, mode, null, 0);
      const frame = decodeFrame(frameBytes(golden.frame));
      following.update(cells.apply(frame, golden.mapping_id, 5), 5);
      if (frame.blocks.some((block) => block.changedAgo !== null)) following.repaint(5);
      following.grow(5);
      const anew = new PaintedItems(cells, mode, null, 5);
      expect(following.paint).toEqual(anew.paint);
      expect(following.counts).toEqual(anew.counts);
      expect(anew.counts.reduce((sum, count) => sum + count, 0)).toBe(golden.cell_count);
    }
  });
});

describe("colours by age", () => {
  const cells = new CellItems({ first: 0, count: 4, shift: 0 }, TWO_MIB, 0);
  const { MAPPED, HOLE } = CellState;
  cells.apply(sampleFrame([sampleCells(0, [MAPPED, MAPPED, HOLE, HOLE], UNKNOWN_AGE)]), 7, 100);
  cells.apply(sampleFrame([sampleCells([1, 2], [HOLE, MAPPED])]), 7, 100);
  const painted = new PaintedItems(cells, "age", null, 100.5);

  it("tell what never changed from what did", () => {
    const [never, changed, came, hole] = painted.paint;
    expect(changed).toBe(came);
    expect(new Set([never, changed, hole]).size).toBe(3);
  });

  it("follow time, and name what looks another way by then", () => {
    expect(Array.from(painted.grow(100.9))).toEqual([]);
    expect(Array.from(painted.grow(101.5))).toEqual([1, 2]);
    expect(painted.counts[painted.paint[1] ?? 0]).toBe(2);
    expect(painted.paint).toEqual(new PaintedItems(cells, "age", null, 101.5).paint);
  });
});

describe("the filter", () => {
  it("lets classes through by their key, all levels of one", () => {
    const shown = shownPaints("state", ["partial"], TWO_MIB);
    expect(shown?.reduce((sum, one) => sum + one, 0)).toBe(16);
    expect(shownPaints("state", null, TWO_MIB)).toBeNull();
  });
});
