import { expect, it } from "vitest";
import { tableGeometry } from "./geometry";
import { itemGrid } from "./item-grid";
import { NOTHING_THERE, paintsOfItems, paintsOfThumb } from "./mini-paint";
import { POISONED } from "./palette";
import { CellState } from "../wire/generated";

const ROWS = { x0: 0, x1: 512, y0: 0, y1: 2 };

it("shows what there is most of, and danger before all", () => {
  const paint = new Uint8Array(1024 - 96).fill(1);
  paint[0] = 3;
  paint[600] = POISONED;
  const squares = paintsOfItems(paint, itemGrid(1, 96, paint.length), ROWS);
  expect(squares).toHaveLength(128);
  expect(squares[11]).toBe(NOTHING_THERE);
  expect(squares[12]).toBe(1);
  expect(squares[Math.floor((600 + 96) / 8)]).toBe(POISONED);
});

it("spreads groups over their squares", () => {
  const squares = paintsOfItems(Uint8Array.of(1, 2), itemGrid(64, 0, 2), ROWS);
  expect([...squares.subarray(0, 17)]).toEqual([
    ...new Array<number>(8).fill(1),
    ...new Array<number>(8).fill(2),
    NOTHING_THERE,
  ]);
});

it("shows the server's thumbnail where not all cells are here", () => {
  const geometry = tableGeometry(0, 2 * 2 ** 20, 64 * 512);
  const states = new Uint8Array(512).fill(CellState.MAPPED);
  states[100] = CellState.POISONED;
  const squares = paintsOfThumb({ cells: 64, states }, geometry);
  expect(squares[0]).toBe(1);
  // Cell 6400 is in row 12, which shares its square with row 13, columns 256 to 319.
  expect([...squares.subarray(6 * 64 + 31, 6 * 64 + 41)]).toEqual([
    1,
    ...new Array<number>(8).fill(POISONED),
    1,
  ]);
});
