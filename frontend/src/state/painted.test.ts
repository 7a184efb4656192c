import { describe, expect, it } from "vitest";
import { COLOR_MODES } from "../lib/palette";
import { decodeFrame } from "../wire/frames";
import { frameBytes, goldenCases } from "../wire/golden";
import { MappingCells } from "./cells";
import { PaintedCells } from "./painted";

describe("paints that follow changes", () => {
  it.each(COLOR_MODES)("equal paints made anew, by %s", (mode) => {
    for (const golden of goldenCases()) {
      const cells = new MappingCells(golden.cell_count, golden.page_size);
      const following = new PaintedCells(cells, mode);
      following.update(cells.apply(decodeFrame(frameBytes(golden.frame)).blocks));
      const anew = new PaintedCells(cells, mode);
      expect(following.paint).toEqual(anew.paint);
      expect(following.counts).toEqual(anew.counts);
      expect(anew.counts.reduce((sum, count) => sum + count, 0)).toBe(golden.cell_count);
    }
  });
});
