import { describe, expect, it } from "vitest";
import { CellImage, groupingFor, type Grouping, type Inks } from "./cell-image";
import { itemGrid, type ItemGrid } from "./item-grid";
import { MIGRATING, POISONED, SPARSE } from "./palette";

const COLORS = Uint32Array.from({ length: 256 }, (_, paint) => 1000 + paint);
const LIT = Uint32Array.from({ length: 256 }, (_, paint) => 2000 + paint);
const INKS: Inks = { colors: COLORS, flash: LIT, asked: new Uint8Array(256).fill(1), sparse: null };

function draw(
  grid: ItemGrid,
  grouping: Grouping,
  paint: Uint8Array,
  lit = new Uint8Array(paint.length),
  inks = INKS,
): { readonly image: CellImage; readonly pixels: Uint32Array } {
  const image = new CellImage(grid, grouping);
  const pixels = new Uint32Array(image.width * image.height);
  image.drawAll(pixels, paint, lit, inks);
  return { image, pixels };
}

describe("grouping", () => {
  it.each([
    [512, 64, 1024, 640, { columns: 1, rows: 1 }],
    [512, 1024, 1024, 342, { columns: 1, rows: 3 }],
    [512, 1024, 300, 512, { columns: 2, rows: 2 }],
    [16, 1, 1024, 40, { columns: 1, rows: 1 }],
    [512, 1, 100, 0, { columns: 8, rows: 1 }],
  ])("%i x %i cells on %i x %i pixels", (columns, rows, width, height, grouping) => {
    expect(groupingFor(columns, rows, width, height, 512)).toEqual(grouping);
  });
});

describe("one pixel a cell", () => {
  const geometry = itemGrid(1, 500, 30);

  it("lies at its true entry; the rest stays transparent", () => {
    const { image, pixels } = draw(geometry, { columns: 1, rows: 1 }, new Uint8Array(30).fill(7));
    expect([image.width, image.height]).toEqual([512, 2]);
    expect(pixels[499]).toBe(0);
    expect(pixels[500]).toBe(1007);
    expect(pixels[529]).toBe(1007);
    expect(pixels[530]).toBe(0);
  });

  it("follows changed cells and names their rows", () => {
    const paint = new Uint8Array(30);
    const { image, pixels } = draw(geometry, { columns: 1, rows: 1 }, paint);
    paint[12] = 3;
    const lit = new Uint8Array(30);
    lit[12] = 1;
    image.drawItems([Uint32Array.of(12)], pixels, paint, lit, INKS);
    expect(pixels[512]).toBe(2003);
    expect(image.takeDirty()).toEqual([[1, 2]]);
    expect(image.takeDirty()).toEqual([]);
  });
});

describe("one pixel a group", () => {
  const count = 40 * 512;
  const geometry = itemGrid(1, 100, count);
  const grouping = { columns: 2, rows: 3 };

  it("shows what most of its cells are", () => {
    const paint = new Uint8Array(count).fill(1);
    paint[0] = paint[1] = paint[512] = paint[513] = 2;
    const { image, pixels } = draw(geometry, grouping, paint);
    expect([image.width, image.height]).toEqual([256, 14]);
    expect(pixels[50]).toBe(1002);
    expect(pixels[51]).toBe(1001);
  });

  it("shows a page rather than a hole where there are as many of each", () => {
    const paint = Uint8Array.from({ length: count }, (_, cell) => cell % 2);
    const { pixels } = draw(geometry, { columns: 2, rows: 1 }, paint);
    expect(pixels[60]).toBe(1001);
  });

  it("never drops a poisoned or migrating cell, and poisoned wins", () => {
    const random = (seed: number): number => (seed * 48_271) % 2_147_483_647;
    let seed = 7;
    for (let round = 0; round < 50; round++) {
      const paint = new Uint8Array(count).fill(1);
      seed = random(seed);
      const cell = seed % count;
      paint[cell] = MIGRATING;
      const at = cell + 100;
      const x = Math.floor((at % 512) / 2);
      const y = Math.floor(Math.floor(at / 512) / 3);
      const { image, pixels } = draw(geometry, grouping, paint);
      expect(pixels[y * image.width + x]).toBe(1000 + MIGRATING);
      const neighbour = Math.min(count - 1, Math.max(0, (at ^ 1) - 100));
      paint[neighbour] = POISONED;
      image.drawItems([Uint32Array.of(neighbour)], pixels, paint, new Uint8Array(count), INKS);
      const column = Math.floor(((neighbour + 100) % 512) / 2);
      const row = Math.floor(Math.floor((neighbour + 100) / 512) / 3);
      expect(pixels[row * image.width + column]).toBe(1000 + POISONED);
    }
  });

  it("shows what the filter lets through before what most cells are, but danger before all", () => {
    const asked = new Uint8Array(256);
    asked[2] = 1;
    const inks = { ...INKS, asked };
    const paint = new Uint8Array(count).fill(1);
    paint[0] = 2;
    expect(draw(geometry, grouping, paint, undefined, inks).pixels[50]).toBe(1002);
    paint[1] = MIGRATING;
    expect(draw(geometry, grouping, paint, undefined, inks).pixels[50]).toBe(1000 + MIGRATING);
  });

  it("is made of fewer pixels where items are wide, from the first row that is there", () => {
    const grid = itemGrid(64, 8 * 1000 + 3, 20);
    expect(grid).toMatchObject({ perRow: 8, firstRow: 1000, rows: 3 });
    expect(groupingFor(8, 3, 512, 100, 8)).toEqual({ columns: 1, rows: 1 });
    const { image, pixels } = draw(grid, { columns: 1, rows: 1 }, new Uint8Array(20).fill(4));
    expect([image.width, image.height]).toEqual([8, 3]);
    expect([pixels[2], pixels[3], pixels[22], pixels[23]]).toEqual([0, 1004, 1004, 0]);
  });

  it("is the same drawn bit by bit as drawn at once", () => {
    const paint = Uint8Array.from({ length: count }, (_, cell) => (cell * 7919) % 5);
    const lit = new Uint8Array(count);
    const { image, pixels } = draw(geometry, grouping, paint, lit);
    const changed = Uint32Array.from({ length: 500 }, (_, n) => n * 41);
    for (const cell of changed) {
      paint[cell] = 9;
      lit[cell] = 1;
    }
    image.drawItems([changed, changed], pixels, paint, lit, INKS);
    expect(pixels).toEqual(draw(geometry, grouping, paint, lit).pixels);
  });

  it("joins dirty rows that are near each other", () => {
    const paint = new Uint8Array(count);
    const { image, pixels } = draw(geometry, { columns: 1, rows: 1 }, paint);
    const cells = Uint32Array.of(0, 512 * 5, 512 * 30);
    image.drawItems([cells], pixels, paint, new Uint8Array(count), INKS);
    expect(image.takeDirty()).toEqual([
      [0, 6],
      [30, 31],
    ]);
  });
});

describe("a group of any size", () => {
  /** The rule in the plainest way. */
  function expected(paints: readonly number[], asked: Uint8Array): number {
    const danger = Math.max(...paints);
    if (danger >= MIGRATING) return danger;
    const votes = (one: number): number => paints.filter((paint) => paint === one).length;
    const rank = (one: number): number => 1e6 * (asked[one] ?? 0) + 1e3 * votes(one) + one;
    const first = (some: readonly number[]): number =>
      some.reduce((won, one) => (rank(one) > rank(won) ? one : won));
    const won = first(paints);
    const pages = paints.filter((one) => one !== 0 && (asked[one] ?? 0) >= (asked[0] ?? 0));
    // Holes do not hide the pages among them.
    if (won === 0 && pages.length > 0) return SPARSE;
    return won;
  }

  const count = 10 * 512 - 333;
  const grid = itemGrid(1, 77, count);

  it.each([
    [1, 1],
    [1, 2],
    [2, 1],
    [1, 3],
    [4, 2],
  ])("of %i x %i items shows the same paint", (columns, rows) => {
    let seed = 11;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const paint = Uint8Array.from({ length: count }, () =>
      random(400) === 0 ? MIGRATING + random(POISONED - MIGRATING + 1) : random(6),
    );
    const lit = Uint8Array.from({ length: count }, () => (random(30) === 0 ? 1 : 0));
    const asked = Uint8Array.from({ length: 256 }, (_, at) => (at % 3 === 0 ? 1 : 0));
    const inks = { ...INKS, asked, sparse: SPARSE };
    const { image, pixels } = draw(grid, { columns, rows }, paint, lit, inks);
    const groups = new Map<number, number[]>();
    for (let item = 0; item < count; item++) {
      const at = item + 77;
      const x = Math.floor((at % 512) / columns);
      const pixel = Math.floor(at / 512 / rows) * image.width + x;
      groups.set(pixel, [...(groups.get(pixel) ?? []), item]);
    }
    for (const [pixel, items] of groups) {
      const won = expected(
        items.map((item) => paint[item] ?? 0),
        asked,
      );
      const shines = items.some((item) => lit[item] === 1);
      expect(pixels[pixel], `pixel ${pixel}`).toBe((shines ? 2000 : 1000) + won);
    }
    expect(pixels.filter((one) => one !== 0)).toHaveLength(groups.size);
  });

  it.each([
    [1, 1],
    [1, 2],
    [2, 3],
  ])("of %i x %i items is the same drawn by stretches", (columns, rows) => {
    const starts = Uint32Array.of(0, 700, 701, 2000, count - 3);
    const paint = new Uint8Array(count);
    starts.forEach((start, at) => paint.fill(at === 1 ? POISONED : at + 1, start));
    const { image, pixels } = draw(grid, { columns, rows }, paint);
    const again = new Uint32Array(pixels.length).fill(5);
    image.drawAll(again, paint, new Uint8Array(count), INKS, starts);
    expect(again).toEqual(pixels);
  });
});
