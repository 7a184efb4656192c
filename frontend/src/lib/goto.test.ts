import { describe, expect, it } from "vitest";
import { sampleMapping } from "../state/samples";
import { ACCEPTED, goTo, parseGoal, type Found } from "./goto";

const GIB = 2 ** 30;
const START = 0x7f00_0000_0000;

const here = sampleMapping({ start: START, end: START + GIB });
const other = sampleMapping({
  start: START + 4 * GIB,
  end: START + 5 * GIB,
  backing: { ...here.backing, offset: 4 * GIB },
});

function find(entered: string): Found {
  return goTo(entered, here, [here, other]);
}

describe("parseGoal", () => {
  it("reads addresses with and without 0x", () => {
    expect(parseGoal(" 0x7F0000200000 ")).toEqual({ kind: "address", at: START + 0x20_0000 });
    expect(parseGoal("7f0000200fff")).toEqual({ kind: "address", at: START + 0x20_0000 });
  });

  it("keeps the page of an address that no double holds", () => {
    expect(parseGoal("0xffffffffffffff")?.at).toBe(0xff_ffff_ffff_f000);
  });

  it("reads offsets with units", () => {
    expect(parseGoal("+1.5G")).toEqual({ kind: "offset", at: 1.5 * GIB });
    expect(parseGoal("+ 4 KiB")).toEqual({ kind: "offset", at: 4096 });
    expect(parseGoal("+0x200000")).toEqual({ kind: "offset", at: 0x20_0000 });
    expect(parseGoal("+2T")?.at).toBe(2 * 2 ** 40);
    expect(parseGoal("f:3G")).toEqual({ kind: "file", at: 3 * GIB });
  });

  it("reads cells", () => {
    expect(parseGoal("#4,711")).toEqual({ kind: "cell", at: 4711 });
  });

  it("does not guess what a bare number is", () => {
    for (const entered of ["4096", "", "0x", "+", "f:", "#", "+1x", "hello"]) {
      expect(parseGoal(entered)).toBeNull();
    }
  });
});

describe("goTo", () => {
  it("finds the cell of each kind", () => {
    expect(find("0x7f0000200000")).toEqual({ mapping: here, cell: 1 });
    expect(find("+512M")).toEqual({ mapping: here, cell: 256 });
    expect(find("#511")).toEqual({ mapping: here, cell: 511 });
    expect(find("f:4M")).toEqual({ mapping: here, cell: 2 });
  });

  it("leads to another mapping of the process", () => {
    expect(find("0x7f0100400000")).toEqual({ mapping: other, cell: 2 });
    expect(find("f:4.5G")).toEqual({ mapping: other, cell: 256 });
  });

  it("names what was entered and what would do", () => {
    expect(find("12")).toEqual({ fault: `“12” is not ${ACCEPTED}.` });
    expect(find("#512")).toEqual({ fault: "“#512”: the last cell of this mapping is #511." });
    for (const entered of ["+1G", "0x10000", "f:2G"]) {
      expect(find(entered)).toHaveProperty("fault", expect.stringContaining(entered));
    }
  });

  it("knows that anonymous memory has no file", () => {
    const anonymous = sampleMapping({
      start: START,
      end: START + GIB,
      backing: { kind: "anonymous", name: "", inode: null, offset: 0 },
    });
    expect(goTo("f:0x0", anonymous, [])).toHaveProperty(
      "fault",
      expect.stringContaining("anonymous"),
    );
  });
});
