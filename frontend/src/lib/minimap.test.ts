import { describe, expect, it } from "vitest";
import { centred, miniRows, rowsEach, windowMoved, windowShares } from "./minimap";

const FULL = { x0: 0, x1: 512, y0: 0, y1: 1024 };
const WINDOW = { x0: 128, x1: 256, y0: 512, y1: 768 };

it("is small whatever the mapping", () => {
  expect([rowsEach(1), miniRows(1)]).toEqual([1, 1]);
  expect([rowsEach(1024), miniRows(1024)]).toEqual([32, 32]);
  expect([rowsEach(65), miniRows(65)]).toEqual([3, 22]);
});

describe("the window", () => {
  it("is drawn where it is, and never too small to be seen", () => {
    expect(windowShares(WINDOW, FULL, 0.05)).toEqual({
      left: 0.25,
      top: 0.5,
      width: 0.25,
      height: 0.25,
    });
    const last = { x0: 508, x1: 512, y0: 1020, y1: 1024 };
    expect(windowShares(last, FULL, 0.05)).toMatchObject({ left: 0.95, width: 0.05 });
  });

  it("goes where it is pointed, and stays inside", () => {
    expect(centred(WINDOW, FULL, 0.5, 0.5)).toEqual({ x0: 192, x1: 320, y0: 384, y1: 640 });
    expect(centred(WINDOW, FULL, 1, 0)).toEqual({ x0: 384, x1: 512, y0: 0, y1: 256 });
  });

  it("moves by keys", () => {
    expect(windowMoved("ArrowRight", WINDOW, FULL)).toMatchObject({ x0: 192, y0: 512 });
    expect(windowMoved("PageUp", WINDOW, FULL)).toMatchObject({ x0: 128, y0: 256, y1: 512 });
    expect(windowMoved("Home", WINDOW, FULL)).toMatchObject({ x0: 0, y0: 0 });
    expect(windowMoved("End", WINDOW, FULL)).toMatchObject({ x0: 384, x1: 512, y0: 768, y1: 1024 });
    expect(windowMoved("x", WINDOW, FULL)).toBeNull();
  });
});
