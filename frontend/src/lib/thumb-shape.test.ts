import { describe, expect, it } from "vitest";
import { thumbShape } from "./thumb-shape";

describe("the shape of a thumbnail", () => {
  it.each([
    [512, { columns: 64, rows: 8, widthPx: 192, heightPx: 24 }],
    [300, { columns: 64, rows: 5, widthPx: 192, heightPx: 20 }],
    [64, { columns: 64, rows: 1, widthPx: 192, heightPx: 12 }],
    [40, { columns: 40, rows: 1, widthPx: 160, heightPx: 12 }],
    [2, { columns: 2, rows: 1, widthPx: 24, heightPx: 12 }],
  ])("of %i pixels", (pixels, shape) => {
    expect(thumbShape(pixels)).toEqual(shape);
  });

  it("leaves every pixel large enough to be seen", () => {
    for (let pixels = 1; pixels <= 512; pixels++) {
      const { columns, rows, widthPx, heightPx } = thumbShape(pixels);
      expect(widthPx / columns).toBeGreaterThanOrEqual(2);
      expect(heightPx / rows).toBeGreaterThanOrEqual(2);
      expect(columns * rows).toBeGreaterThanOrEqual(pixels);
    }
  });
});
