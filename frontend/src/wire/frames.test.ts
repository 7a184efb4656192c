import { describe, expect, it } from "vitest";
import { checkFits, decodeFrame, FrameError } from "./frames";
import { CellState, Encoding, FrameKind, UNKNOWN_AGE } from "./generated";
import { frameBytes, goldenCases } from "./golden";

const BLOCK = 20;

function codeOf(data: ArrayBuffer): string {
  try {
    decodeFrame(data);
  } catch (error) {
    if (error instanceof FrameError) return error.code;
    throw error;
  }
  return "decoded";
}

function changed(base64: string, edit: (view: DataView) => void): ArrayBuffer {
  const data = frameBytes(base64);
  edit(new DataView(data));
  return data;
}

const cases = goldenCases();
const frameOf = (name: string): string => cases.find((golden) => golden.name === name)?.frame ?? "";
const DENSE = frameOf("dense, in part");
const RUNS = frameOf("runs, whole");
const SCATTERED = frameOf("scattered, in part");
const CODED = frameOf("coded, far apart");

describe("frames of the Python encoder", () => {
  it.each(cases.map((golden) => [golden.name, golden] as const))("%s", (_, golden) => {
    const frame = decodeFrame(frameBytes(golden.frame));
    expect(frame.kind).toBe(FrameKind.CELLS);
    expect(frame.seq).toBe(golden.seq);
    expect(frame.meta).toBeNull();
    const [block] = frame.blocks;
    expect(frame.blocks).toHaveLength(1);
    expect(block?.mappingId).toBe(golden.mapping_id);
    expect(block?.encoding).toBe(golden.encoding);
    expect(block?.covered).toBe(golden.index.length);
    expect(frame.groups).toEqual([]);
    expect(block?.changedAgo === null).toBe(golden.changed_ago === null);
    if (golden.encoding !== Encoding.RUNS) {
      const rows = block?.code ?? golden.index.map((_, at) => at);
      const of = (column?: ArrayLike<number> | null): unknown =>
        Array.from(rows, (row) => column?.[row]);
      expect(of(block?.state)).toEqual(golden.columns.state);
      expect(of(block?.mapcount)).toEqual(golden.columns.mapcount);
      expect(of(block?.node)).toEqual(golden.columns.node);
      if (golden.changed_ago) expect(of(block?.changedAgo)).toEqual(golden.changed_ago);
      if (golden.encoding !== Encoding.DENSE) {
        expect(Array.from(block?.index ?? [])).toEqual(golden.index);
      }
    }
  });

  it("end a run where its age ends", () => {
    const golden = cases.find((one) => one.name === "runs that end with their age");
    const [block] = decodeFrame(frameBytes(golden?.frame ?? "")).blocks;
    expect(block?.encoding).toBe(Encoding.RUNS);
    expect(Array.from(block?.index ?? [])).toEqual([0, 250, 300, 500]);
    expect(Array.from(block?.changedAgo ?? [])).toEqual([UNKNOWN_AGE, 3, 3, 3]);
  });

  it("holds every encoding, with and without mapped_pages", () => {
    const blocks = cases.map((golden) => decodeFrame(frameBytes(golden.frame)).blocks[0]);
    const kinds = blocks.map((block) => `${block?.encoding ?? -1}/${block?.mappedPages !== null}`);
    expect(new Set(kinds)).toEqual(
      new Set(["0/true", "0/false", "1/true", "1/false", "2/true", "2/false", "3/true", "3/false"]),
    );
  });
});

describe("frames that break the layout", () => {
  it("are refused at every length but the right one", () => {
    const whole = frameBytes(SCATTERED);
    for (let length = 0; length < whole.byteLength; length++) {
      expect(["short_frame", "bad_block", "trailing_bytes"]).toContain(
        codeOf(whole.slice(0, length)),
      );
    }
    const longer = new Uint8Array(whole.byteLength + 4);
    longer.set(new Uint8Array(whole));
    expect(codeOf(longer.buffer)).toBe("trailing_bytes");
  });

  it.each([
    [
      "magic",
      "bad_magic",
      DENSE,
      (view: DataView) => {
        view.setUint8(0, 0);
      },
    ],
    [
      "kind",
      "bad_kind",
      DENSE,
      (view: DataView) => {
        view.setUint8(4, 9);
      },
    ],
    [
      "JSON past the end",
      "short_frame",
      DENSE,
      (view: DataView) => {
        view.setUint32(16, 1e9, true);
      },
    ],
    [
      "encoding",
      "bad_block",
      DENSE,
      (view: DataView) => {
        view.setUint8(BLOCK + 4, 3);
      },
    ],
    [
      "columns",
      "bad_block",
      DENSE,
      (view: DataView) => {
        view.setUint8(BLOCK + 5, 5);
      },
    ],
    [
      "ages past the end",
      "bad_block",
      DENSE,
      (view: DataView) => {
        view.setUint8(BLOCK + 5, 3);
      },
    ],
    [
      "rows past the end",
      "bad_block",
      DENSE,
      (view: DataView) => {
        view.setUint32(BLOCK + 16, 4e9, true);
      },
    ],
    [
      "cells without rows",
      "bad_block",
      DENSE,
      (view: DataView) => {
        view.setUint32(BLOCK + 12, 38, true);
      },
    ],
    [
      "run before its block",
      "bad_block",
      RUNS,
      (view: DataView) => {
        view.setUint32(BLOCK + 8, 1, true);
      },
    ],
    [
      "run past its block",
      "bad_block",
      RUNS,
      (view: DataView) => {
        view.setUint32(BLOCK + 12, 400, true);
      },
    ],
    [
      "runs that fall",
      "bad_block",
      RUNS,
      (view: DataView) => {
        view.setUint32(BLOCK + 24, 0, true);
      },
    ],
    [
      "index that repeats",
      "bad_block",
      SCATTERED,
      (view: DataView) => {
        view.setUint32(BLOCK + 24, 0, true);
      },
    ],
    [
      "more far steps than there are",
      "bad_block",
      CODED,
      (view: DataView) => {
        view.setUint16(BLOCK + 6, view.getUint16(BLOCK + 6, true) + 1, true);
      },
    ],
    [
      "coded cells past 2^32",
      "bad_block",
      CODED,
      (view: DataView) => {
        view.setUint32(BLOCK + 8, 0xffffffff, true);
      },
    ],
    [
      "a code without a row",
      "bad_block",
      CODED,
      (view: DataView) => {
        view.setUint8(BLOCK + 20 + 7 * view.getUint32(BLOCK + 16, true), 99);
      },
    ],
    [
      "a step to where the walk is",
      "bad_block",
      CODED,
      (view: DataView) => {
        const [covered, rows] = [
          view.getUint32(BLOCK + 12, true),
          view.getUint32(BLOCK + 16, true),
        ];
        view.setUint8(BLOCK + 20 + 7 * rows + covered + 1, 0);
      },
    ],
    [
      "a first step",
      "bad_block",
      CODED,
      (view: DataView) => {
        const [covered, rows] = [
          view.getUint32(BLOCK + 12, true),
          view.getUint32(BLOCK + 16, true),
        ];
        view.setUint8(BLOCK + 20 + 7 * rows + covered, 1);
      },
    ],
  ])("%s: %s", (_, code, base64, edit) => {
    expect(codeOf(changed(base64, edit))).toBe(code);
  });

  it("with an unknown state or flag", () => {
    const [block] = decodeFrame(frameBytes(DENSE)).blocks;
    for (const column of [block?.state, block?.flags]) {
      const at = column?.byteOffset ?? 0;
      expect(
        codeOf(
          changed(DENSE, (view) => {
            view.setUint8(at, 0xf0);
          }),
        ),
      ).toBe("bad_block");
    }
  });

  it("or whose JSON part does not parse", () => {
    const data = new ArrayBuffer(24);
    const view = new DataView(data);
    new Uint8Array(data).set(new TextEncoder().encode("HSF1"));
    view.setUint8(4, FrameKind.FULL);
    view.setUint32(16, 4, true);
    expect(codeOf(data)).toBe("bad_json");
    new Uint8Array(data).set(new TextEncoder().encode("{  }"), 20);
    expect(decodeFrame(data).meta).toEqual({});
  });
});

describe("a block", () => {
  it("must fit its mapping", () => {
    const golden = cases.find((one) => one.encoding === Encoding.SCATTERED);
    const [block] = decodeFrame(frameBytes(golden?.frame ?? "")).blocks;
    if (!block || !golden) throw new Error("no scattered case");
    expect(() => {
      checkFits(block, 701, golden.page_size);
    }).not.toThrow();
    expect(() => {
      checkFits(block, 700, golden.page_size);
    }).toThrow("cell 700 of 700");
    expect(() => {
      checkFits(block, 701, 4096);
    }).toThrow("mapped_pages");
  });

  it("knows poisoned and migrating as states", () => {
    const states = cases.flatMap((golden) => golden.columns.state);
    expect(states).toContain(CellState.POISONED);
    expect(states).toContain(CellState.MIGRATING);
  });
});
