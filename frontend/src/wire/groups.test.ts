import { describe, expect, it } from "vitest";
import { decodeFrame, FrameError } from "./frames";
import { CellState, Encoding, FrameKind } from "./generated";
import { frameBytes, goldenGroupCases } from "./golden";
import { decodeGroups, type GroupBlock } from "./groups";

const BLOCK = 20;
const cases = goldenGroupCases();
const frameOf = (name: string): string => cases.find((golden) => golden.name === name)?.frame ?? "";
const AGED = frameOf("groups of 8, aged");
const SCATTERED = frameOf("groups of 64, scattered");
const TABLES = frameOf("tables, one cell poisoned");

function only(base64: string): GroupBlock {
  const [block] = decodeFrame(frameBytes(base64), decodeGroups).groups;
  if (!block) throw new Error("no block");
  return block;
}

function codeOf(data: ArrayBuffer): string {
  try {
    decodeFrame(data, decodeGroups);
  } catch (error) {
    if (error instanceof FrameError) return error.code;
    throw error;
  }
  return "decoded";
}

describe("groups of the Python encoder", () => {
  it.each(cases.map((golden) => [golden.name, golden] as const))("%s", (_, golden) => {
    const frame = decodeFrame(frameBytes(golden.frame), decodeGroups);
    expect(frame.kind).toBe(FrameKind.GROUPS);
    expect(frame.meta).toBeNull();
    expect(frame.blocks).toEqual([]);
    const block = only(golden.frame);
    const numbers = block.index ?? Uint32Array.from(golden.numbers, (_n, row) => block.first + row);
    expect(Array.from(numbers)).toEqual(golden.numbers);
    expect([block.mappingId, block.shift]).toEqual([golden.mapping_id, golden.shift]);
    expect(block.changedAgo && Array.from(block.changedAgo)).toEqual(golden.changed_ago);
    expect(Array.from(block.mappedPages)).toEqual(golden.mapped_pages);
    expect(block.counts.map((counts) => Array.from(counts))).toEqual(golden.counts);
    expect(Array.from(block.writeProtected)).toEqual(golden.flagged.write_protected);
    expect(Array.from(block.sharedTable)).toEqual(golden.flagged.shared_table);
    expect(Array.from(block.inferred)).toEqual(golden.flagged.inferred);
    expect(Array.from(block.mapcount)).toEqual(golden.mapcount);
    expect(Array.from(block.mappers)).toEqual(golden.mappers);
    expect(Array.from(block.node)).toEqual(golden.node);
  });

  it("never lose one poisoned cell", () => {
    const poisoned = only(TABLES).counts[CellState.POISONED];
    expect(Array.from(poisoned ?? [])).toEqual([0, 1, 0].slice(0, poisoned?.length));
  });

  it("are of both encodings, with and without ages", () => {
    const kinds = cases.map((golden) => {
      const block = only(golden.frame);
      return `${block.encoding}/${block.changedAgo !== null}`;
    });
    expect(new Set(kinds)).toEqual(new Set(["0/true", "0/false", "2/true", "2/false"]));
    expect(only(SCATTERED).encoding).toBe(Encoding.SCATTERED);
  });
});

describe("groups that break the layout", () => {
  it.each([SCATTERED, TABLES])("are refused at every length but the right one", (base64) => {
    const whole = frameBytes(base64);
    for (let length = 0; length < whole.byteLength; length++) {
      expect(["short_frame", "bad_block", "trailing_bytes"]).toContain(
        codeOf(whole.slice(0, length)),
      );
    }
  });

  const setByte = (at: number, value: number) => (view: DataView) => {
    view.setUint8(BLOCK + at, value);
  };
  const setWord = (at: number, value: number) => (view: DataView) => {
    view.setUint32(BLOCK + at, value, true);
  };
  const setShort = (at: number, value: number) => (view: DataView) => {
    view.setUint16(BLOCK + at, value, true);
  };
  const rows = only(SCATTERED).mappedPages.length;
  const counts = 20 + 8 * rows;
  it.each([
    ["runs", AGED, setByte(4, 1)],
    ["an unknown encoding", AGED, setByte(4, 3)],
    ["an unknown column", AGED, setByte(5, 3)],
    ["single cells", AGED, setByte(6, 0)],
    ["more than a table", AGED, setByte(6, 10)],
    ["other than its rows", AGED, setWord(12, 3)],
    ["rows past the end", AGED, setWord(16, 4e9)],
    ["an index that falls", SCATTERED, setWord(20, 1e9)],
    ["more cells than it can have", SCATTERED, setShort(counts, 0xffff)],
    ["more flags than cells", SCATTERED, setShort(counts + 9 * 2 * rows, 65)],
  ])("%s", (_, base64, edit) => {
    const data = frameBytes(base64);
    edit(new DataView(data));
    expect(codeOf(data)).toBe("bad_block");
  });

  it("or bring JSON along", () => {
    const data = new ArrayBuffer(24);
    const view = new DataView(data);
    new Uint8Array(data).set(new TextEncoder().encode("HSF1"));
    view.setUint8(4, FrameKind.GROUPS);
    view.setUint32(16, 4, true);
    expect(codeOf(data)).toBe("bad_json");
  });
});
