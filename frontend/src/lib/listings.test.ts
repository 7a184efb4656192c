import { describe, expect, it } from "vitest";
import { sampleAccount, sampleReport } from "../state/samples";
import type { FileRef, HostReport } from "../wire/types";
import { hostListings, poolListings, type Cell } from "./listings";
import { fileWords } from "./ref-words";

const TWO_MIB = 2 * 2 ** 20;
const QEMU = { pid: 42, comm: "qemu" };
const FILE: FileRef = { kind: "memfd", device: null, inode: 11, name: "ram" };
const names = (pid: number): string => `p${pid}`;

function rows(report: Partial<HostReport>, title: string): (readonly Cell[])[] | undefined {
  const all = sampleReport(report);
  const listings = [...poolListings(all, sampleAccount(), names), ...hostListings(all)];
  return listings.find((listing) => listing.title === title)?.rows.slice();
}

describe("the lists of a report", () => {
  it("are not there when there is nothing in them", () => {
    expect(poolListings(sampleReport(), sampleAccount(), names)).toEqual([]);
    expect(hostListings(sampleReport())).toEqual([]);
  });

  it("say who maps", () => {
    const account = sampleAccount({ mapped_by: [{ pids: [1, 2, 3, 4, 5, 6], pages: 50 }] });
    const [mapped] = poolListings(sampleReport(), account, names);
    expect(mapped).toMatchObject({ sum: "1 group", rows: [["p1, p2, p3, p4 and 2 more", 50]] });
  });

  it("say which file keeps pages, and for whom; other sizes are not theirs", () => {
    const holding = {
      by: "fd",
      page_size: TWO_MIB,
      pages: 4,
      file_pages: 8,
      file: FILE,
      holders: [{ ...QEMU, fd: 9 }],
      inferred: false,
    } as const;
    const leaked = { ...holding, by: "hugetlbfs", holders: [], inferred: true } as const;
    const other = { ...holding, page_size: 2 ** 30 };
    expect(
      rows({ holdings: [holding, leaked, other] as never }, "kept without page tables"),
    ).toEqual([
      ["memfd ram (inode 11)", "4 of 8", "open fd", "qemu 42 fd 9"],
      ["memfd ram (inode 11)", "4 of 8", "file name (inferred)", "nobody"],
    ]);
  });

  it("say whose reservations are, and what nothing promises", () => {
    const owner = {
      owner: "mapping",
      page_size: TWO_MIB,
      pages: 6,
      faulted: null,
      process: QEMU,
      start: 4096,
      file: null,
      inferred: false,
    } as const;
    const mount = { ...owner, owner: "mount", process: null, start: null } as const;
    const reservations = [
      {
        page_size: TWO_MIB,
        reserved: 10,
        owners: [owner, mount],
        unattributed: -2,
        unreserved: [{ process: QEMU, start: 4096, page_size: TWO_MIB, pages: 3, inferred: true }],
        unreserved_pages: 3,
      },
    ];
    const link = { text: "qemu 42 at 0x1000", place: { pid: 42, start: 4096 } };
    expect(rows({ reservations: reservations }, "reservations")).toEqual([
      [link, "6", null],
      ["mount a file that is not known", "6", null],
      ["unattributed", -2, null],
    ]);
    expect(rows({ reservations: reservations }, "unfaulted and not reserved")).toEqual([
      [link, "3 (inferred)"],
    ]);
  });

  it("sum what nothing promises by pages, not by mappings", () => {
    const bare = { process: QEMU, start: 4096, page_size: TWO_MIB, pages: 3, inferred: false };
    const sum = (unreserved_pages: number | null): string | undefined => {
      const reservation = {
        page_size: TWO_MIB,
        reserved: 0,
        owners: [],
        unattributed: 0,
        unreserved: [bare, { ...bare, start: 8192 }],
        unreserved_pages,
      };
      const report = sampleReport({ reservations: [reservation] });
      const listings = poolListings(report, sampleAccount(), names);
      return listings.find(({ title }) => title === "unfaulted and not reserved")?.sum;
    };
    expect(sum(3)).toBe("3 pages");
    expect(sum(null)).toBe("");
  });

  it("keep what a cgroup does not have apart from zero", () => {
    const cgroup = {
      path: "/a",
      version: 2,
      page_size: TWO_MIB,
      usage_bytes: 0,
      limit_bytes: null,
      reserved_bytes: null,
      reserved_limit_bytes: null,
      failures: null,
      reserved_failures: null,
      node_bytes: null,
      pids: [],
    } as const;
    const limited = { ...cgroup, limit_bytes: TWO_MIB };
    expect(rows({ cgroups: [cgroup, limited] as never }, "cgroup limits")).toEqual([
      ["/a", "0 B, no limit", null, null],
      ["/a", "0 B of 2 MiB", null, null],
    ]);
  });

  it("say where poison struck, as far as can be told", () => {
    const page = {
      page_size: TWO_MIB,
      bad_bytes: null,
      in_pool: true,
      node: 0,
      file: FILE,
      evidence: "smaps",
      places: [
        { process: QEMU, start: 4096, address: 8192, file_offset: 4096, inferred: false },
        { process: QEMU, start: 4096, address: null, file_offset: null, inferred: true },
      ],
    } as const;
    const poison = {
      pages: [page, { ...page, places: [] }],
      failures: [
        { node: 0, total: 1, ignored: 0, failed: 0, delayed: 0, recovered: 1 },
        { node: 1, total: 0, ignored: 0, failed: 0, delayed: 0, recovered: 0 },
      ],
      hardware_corrupted_bytes: 4096,
    } as const;
    const got = rows({ poison: poison as never }, "poisoned pages");
    expect(got?.map((row) => row[2])).toEqual([
      { text: "qemu 42 at 0x2000", place: { pid: 42, start: 4096, at: 8192 } },
      {
        text: "qemu 42, somewhere from 0x1000 on (inferred)",
        place: { pid: 42, start: 4096, at: null },
      },
      null,
    ]);
    expect(rows({ poison: poison as never }, "memory failures since boot")).toEqual([
      [0, 1, 1, 0, 0, 0],
    ]);
  });

  it("leave HVO out where the kernel has no such setting", () => {
    const vmemmap = {
      enabled: true,
      memmap_bytes: 4096,
      saved_bytes: null,
      sizes: [{ page_size: TWO_MIB, bytes_per_page: 28_672, at_most_bytes: 28_672 }],
      reason: null,
    };
    expect(rows({ vmemmap }, "struct page memory (HVO)")).toEqual([
      ["in use", "4 KiB"],
      ["saved now", null],
      ["at most, with all 2 MiB pages optimized", "28 KiB"],
    ]);
  });

  it("name files without a name by what is known", () => {
    expect(fileWords({ ...FILE, name: null })).toBe("memfd (inode 11)");
    expect(fileWords(null)).toContain("not known");
  });
});
