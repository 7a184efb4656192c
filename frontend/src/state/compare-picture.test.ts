import { describe, expect, it } from "vitest";
import { NO_CELL, type CellPlaces, type SideColumns } from "../lib/compare";
import {
  dimmed,
  NO_PAGE,
  PAINT_OF_STATE,
  PARTIAL,
  paintsOf,
  POISONED,
  WRITE_PROTECTED,
} from "../lib/palette";
import { CellFlag, CellState } from "../wire/generated";
import type { MappingRef } from "../wire/types";
import {
  ABSENT,
  ALONE,
  axesFor,
  cellPaint,
  compareLegend,
  ComparePicture,
  EMPTY,
  placePaint,
  SAME,
  sidePaints,
} from "./compare-picture";

const { HOLE, MAPPED, POISONED: BAD } = CellState;
const PAINT = PAINT_OF_STATE[MAPPED] ?? 0;
const MIB2 = 2 ** 21;

function columns(states: readonly number[], shift = 0): SideColumns {
  const zeros = (): Uint8Array => new Uint8Array(states.length);
  return { state: Uint8Array.from(states), flags: zeros(), level: zeros(), shift };
}

function places(a: readonly number[], b: readonly number[], shift = 0): CellPlaces {
  const changed = Uint8Array.from(a, (state, at) =>
    state !== b[at] && state !== NO_CELL && b[at] !== NO_CELL ? 1 : 0,
  );
  return { count: a.length, a: columns(a), b: columns(b, shift), changed };
}

function ref(start: number, cells: number): MappingRef {
  const backing = { kind: "anonymous", name: null, inode: null, offset: 0 } as const;
  const end = start + cells * MIB2;
  const size = { page_size: MIB2, cells, mapped_bytes: 0 };
  return { pid: 7, comm: "x", start, end, kind: "hugetlb", backing, ...size };
}

describe("paints", () => {
  it("tell what changed from what did not, and danger always", () => {
    const both = places(
      [HOLE, MAPPED, MAPPED, HOLE, MAPPED, NO_CELL, BAD],
      [MAPPED, HOLE, MAPPED, HOLE, NO_CELL, HOLE, BAD],
    );
    const all = [0, 1, 2, 3, 4, 5, 6];
    expect(all.map((at) => placePaint(both, "a", at))).toEqual([
      ...[EMPTY, PAINT, SAME + PAINT, SAME + NO_PAGE, ALONE + PAINT, ABSENT, POISONED],
    ]);
    expect(all.map((at) => placePaint(both, "b", at))).toEqual([
      ...[PAINT, EMPTY, SAME + PAINT, SAME + NO_PAGE, ABSENT, ALONE + NO_PAGE, POISONED],
    ]);
  });

  it("are those of the map: by flag and by share", () => {
    const side = columns([CellState.PARTIAL, MAPPED, CellState.MARKER]);
    side.level[0] = 7;
    side.flags.fill(CellFlag.WRITE_PROTECTED);
    expect([0, 1, 2].map((at) => cellPaint(side, at))).toEqual([
      PARTIAL + 7,
      WRITE_PROTECTED,
      PAINT_OF_STATE[CellState.MARKER],
    ]);
  });

  it.each(["light", "dark"] as const)("all have a colour in %s", (theme) => {
    const paints = sidePaints(paintsOf("state", theme, MIB2, 1), theme);
    for (const paint of [EMPTY, ABSENT, PAINT, SAME + PAINT, ALONE + PAINT, POISONED]) {
      expect(paints[paint]).toBeDefined();
    }
    expect(paints[SAME + PAINT]?.key).toBe(paints[SAME + NO_PAGE]?.key);
    expect(paints[ALONE + PAINT]?.key).not.toBe(paints[ALONE + NO_PAGE]?.key);
  });
});

describe("axes", () => {
  it("are addresses where rows of both begin alike, else offsets", () => {
    const two = places([HOLE, HOLE], [HOLE, HOLE]);
    const start = 0x7f0000000000;
    expect(axesFor(two, ref(start, 2), ref(start + 64 * MIB2, 2)).starts).toEqual({
      a: start,
      b: start + 64 * MIB2,
    });
    expect(axesFor(two, ref(start, 2), ref(start + MIB2, 2)).starts).toBeNull();
    const moved = places([HOLE, HOLE], [NO_CELL, HOLE], 1);
    expect(axesFor(moved, ref(start, 2), ref(start + MIB2, 1)).starts).toEqual({
      a: start,
      b: start,
    });
  });

  it("hold a picture that is whole and counts every place", () => {
    const both = places([HOLE, MAPPED, MAPPED], [MAPPED, MAPPED, NO_CELL]);
    const [a, b] = [ref(0x7f0000000000, 3), ref(0x7f0000000000, 2)];
    const picture = new ComparePicture(both, "a", a, "box", axesFor(both, a, b));
    expect(picture.complete).toBe(true);
    expect(picture.geometry.cellCount).toBe(3);
    const counts = picture.painted?.counts ?? [];
    expect([counts[EMPTY], counts[SAME + PAINT], counts[ALONE + PAINT]]).toEqual([1, 1, 1]);
  });
});

describe("pictures", () => {
  const start = 0x7f0000000000;
  const both = places([HOLE, MAPPED, MAPPED], [MAPPED, MAPPED, NO_CELL]);
  const [a, b] = [ref(start, 3), ref(start, 2)];
  const made = (): ComparePicture => new ComparePicture(both, "a", a, "box", axesFor(both, a, b));

  it("go on with another answer about the same cells", () => {
    const picture = made();
    let told = 0;
    picture.listen((changed) => {
      expect(changed).toBeNull();
      told++;
    });
    const later = places([MAPPED, HOLE, MAPPED], [MAPPED, MAPPED, NO_CELL]);
    expect(picture.take(later, a, "box", axesFor(later, a, b))).toBe(true);
    expect(told).toBe(1);
    expect([0, 1, 2].map((at) => picture.painted?.paint[at])).toEqual([
      ...[SAME + PAINT, EMPTY, ALONE + PAINT],
    ]);
  });

  it("are not those of other cells", () => {
    const axes = axesFor(both, a, b);
    expect(made().take(both, a, "other", axes)).toBe(false);
    expect(made().take(both, ref(start + MIB2, 3), "box", axes)).toBe(false);
    expect(made().take(both, a, "box", { ...axes, starts: null })).toBe(false);
    const more = places([HOLE, HOLE, HOLE, HOLE], [HOLE, HOLE, HOLE, HOLE]);
    expect(made().take(more, a, "box", axesFor(more, a, b))).toBe(false);
  });
});

describe("the legend", () => {
  const start = 0x7f0000000000;

  function legendOf(ours: readonly number[], theirs: readonly number[]): (string | number)[][] {
    const both = places(ours, theirs);
    const refs = [ref(start, ours.length), ref(start, theirs.length)] as const;
    const axes = axesFor(both, ...refs);
    const pictures = {
      a: new ComparePicture(both, "a", refs[0], "box", axes),
      b: new ComparePicture(both, "b", refs[1], "box", axes),
    };
    return compareLegend(pictures, "light").map(({ label, counts }) => [
      ...[label, counts.a, counts.b],
    ]);
  }

  it("counts cells without a counterpart by what they are", () => {
    const lonely = "the other side has no such cell";
    expect(legendOf([HOLE, MAPPED, MAPPED, MAPPED], [NO_CELL, NO_CELL, NO_CELL, HOLE])).toEqual([
      ["hole here, and none on the other side", 0, 1],
      ["mapped by one 2 MiB entry", 1, 0],
      [`hole; ${lonely}`, 1, 0],
      [`mapped by one 2 MiB entry; ${lonely}`, 2, 0],
      ["no such cell on this side", 0, 3],
    ]);
  });

  it("shows what did not change as most of it is drawn", () => {
    const both = places([HOLE, MAPPED, MAPPED], [HOLE, MAPPED, MAPPED]);
    const one = ref(start, 3);
    const axes = axesFor(both, one, one);
    const side = (name: "a" | "b"): ComparePicture =>
      new ComparePicture(both, name, one, "box", axes);
    const own = paintsOf("state", "light", MIB2, 1)[PAINT]?.color ?? [0, 0, 0];
    const [line, ...others] = compareLegend({ a: side("a"), b: side("b") }, "light");
    expect(others).toEqual([]);
    expect(line).toMatchObject({ label: "unchanged", counts: { a: 3, b: 3 } });
    expect(line?.color).toEqual(dimmed(own, PAINT, "light"));
  });
});
