import { describe, expect, it } from "vitest";
import { sampleHost, sampleMapping } from "../state/samples";
import type { HostSummary, MappingSummary, ProcessSummary } from "../wire/types";
import {
  found,
  foundHosts,
  linesOf,
  nextSort,
  parseSorting,
  processTitle,
  sortedHosts,
} from "./process-lines";

const MIB2 = 2 * 2 ** 20;

function mapping(
  id: number,
  pages: number,
  presentPages: number,
  name: string | null = null,
): MappingSummary {
  const start = 0x7f0000000000 + id * 2 ** 30;
  return sampleMapping({
    id,
    start,
    end: start + pages * MIB2,
    cell_count: pages,
    mapped_bytes: presentPages * MIB2,
    backing: { kind: "memfd", name, inode: 1, offset: 0 },
  });
}

const VM10: ProcessSummary = {
  pid: 10,
  comm: "qemu-system-x86",
  name: { name: "vm-10", kind: "vm", source: "qemu" },
  vm: null,
  mappings: [mapping(1, 8, 8, "pc.ram"), mapping(2, 16, 2, "pc.bios")],
};
const VM9: ProcessSummary = {
  ...VM10,
  pid: 90,
  name: { name: "VM-9", kind: "vm", source: "qemu" },
};
const DB: ProcessSummary = {
  pid: 777,
  comm: "postgres",
  name: null,
  vm: null,
  mappings: [mapping(3, 100, 5)],
};
const ALL = [VM10, DB, VM9];

function pidsAndIds(query: string): string[] {
  return found(ALL, query).map(
    (process) => `${process.pid}: ${process.mappings.map((one) => one.id).join()}`,
  );
}

describe("searching", () => {
  it.each([
    ["", ["10: 1,2", "777: 3", "90: 1,2"]],
    ["vm-", ["10: 1,2", "90: 1,2"]],
    ["POSTGRES", ["777: 3"]],
    ["77", ["777: 3"]],
    ["bios", ["10: 2", "90: 2"]],
    ["vm-9 bios", ["90: 2"]],
    ["0x7f0080000fff", ["10: 2", "90: 2"]],
    ["7f00c0", ["777: 3"]],
    ["0x1234", []],
    ["nothing", []],
  ])("%o", (query, expected) => {
    expect(pidsAndIds(query)).toEqual(expected);
  });

  it("finds hosts by their own name and by what runs there", () => {
    const db = sampleHost([], {
      host_id: "db",
      host: { name: "db-1", kernel: null, boot_id: null },
    });
    const hosts = [db, sampleHost([], { host_id: "compute", processes: ALL })];
    const ids = (query: string): string[] => foundHosts(hosts, query).map((host) => host.host_id);
    expect(ids("db-1")).toEqual(["db"]);
    expect(ids("vm-10 bios")).toEqual(["compute"]);
    expect(ids("db-1 bios")).toEqual([]);
    expect(ids(" ")).toEqual(["db", "compute"]);
  });
});

describe("sorting", () => {
  const pids = (sort: string): number[] =>
    linesOf(ALL, parseSorting(sort))
      .filter((line) => line.mapping === null || line.process.mappings.length === 1)
      .map((line) => line.process.pid);

  it.each([
    ["", [10, 777, 90]],
    ["nonsense", [10, 777, 90]],
    ["pid", [10, 90, 777]],
    ["-pid", [777, 90, 10]],
    ["name", [777, 90, 10]],
    ["-size", [777, 10, 90]],
    ["present", [777, 10, 90]],
    ["-share", [10, 90, 777]],
  ])("%o", (sort, expected) => {
    expect(pids(sort)).toEqual(expected);
  });

  it("sorts the mappings of a process by the same measure, below their sum", () => {
    const ids = linesOf([VM10], parseSorting("-size")).map((line) => line.mapping?.id ?? null);
    expect(ids).toEqual([null, 2, 1]);
    expect(linesOf([VM10], null)[0]?.sums).toEqual({ size: 24 * MIB2, present: 10 * MIB2 });
  });

  it("goes from the natural direction to the other and back to none", () => {
    expect(nextSort(null, "size")).toBe("-size");
    expect(nextSort(parseSorting("-size"), "size")).toBe("size");
    expect(nextSort(parseSorting("size"), "size")).toBe("");
    expect(nextSort(parseSorting("size"), "name")).toBe("name");
    expect(nextSort(parseSorting("name"), "name")).toBe("-name");
  });

  it("sorts hosts too", () => {
    const host = (host_id: string, processes: ProcessSummary[]): HostSummary =>
      sampleHost([], { host_id, processes, host: { name: null, kernel: null, boot_id: null } });
    const hosts = [host("h10", [DB]), host("h9", ALL)];
    const ids = (sort: string): string[] =>
      sortedHosts(hosts, parseSorting(sort)).map((one) => one.host_id);
    expect(ids("name")).toEqual(["h9", "h10"]);
    expect(ids("processes")).toEqual(["h10", "h9"]);
    expect(ids("-present")).toEqual(["h9", "h10"]);
    expect(ids("")).toEqual(["h10", "h9"]);
  });
});

describe("names", () => {
  it("are the machine's before the process'", () => {
    expect(processTitle(VM10)).toBe("vm-10");
    expect(processTitle(DB)).toBe("postgres");
    expect(processTitle({ comm: null, name: null })).toBe("(name unknown)");
  });
});
