import { describe, expect, it } from "vitest";
import type { MappingReport } from "../wire/types";
import { mappingFacts } from "./mapping-facts";

const NOTHING: MappingReport = {
  pid: 1,
  start: 0,
  page_size: 2 * 2 ** 20,
  policy: null,
  node_bytes: {},
  misplaced_bytes: null,
  reserved_pages: 0,
  sharing: [],
  shared_table_cells: 0,
  split: null,
  thp: null,
  lost_pages: null,
  mapmax: null,
  uffd: [],
};

function facts(change: Partial<MappingReport>): Record<string, string> {
  return Object.fromEntries(mappingFacts({ ...NOTHING, ...change }));
}

describe("what a report says of a mapping", () => {
  it("is nothing where nothing is known", () => {
    expect(facts({})).toEqual({});
  });

  it("is its place, its promises and its handlers", () => {
    const policy = { text: "bind:0", mode: "bind", nodes: [0] };
    const node_bytes = { 0: 4096, 1: 8192 };
    expect(
      facts({ policy, node_bytes, misplaced_bytes: 8192, reserved_pages: 1, uffd: ["wp"] }),
    ).toEqual({
      "NUMA policy": "bind:0",
      "by node": "node 0: 4 KiB, node 1: 8 KiB",
      "on wrong nodes": "8 KiB",
      "reserved, not faulted": "1 page",
      "userfaultfd mode": "wp",
    });
  });

  it("tells a split that cannot be counted from none", () => {
    const split = { pages: null, chunks: null, placed: 0, collapse_frees_bytes: null };
    expect(facts({ split })).toEqual({ "full but split": "number not known" });
    expect(facts({ split: { ...split, pages: 0, chunks: 0 } })).toEqual({});
    expect(facts({ split: { ...split, placed: 2 } })["full but split"]).toBe(
      "number not known, 2 of them placed",
    );
  });

  it("tells where split pages are as far as that is known, and chunks of larger pages", () => {
    const split = { pages: 3, chunks: 0, placed: 0, collapse_frees_bytes: 12288 };
    expect(facts({ split })).toEqual({
      "full but split": "3, places not certain",
      "a collapse frees": "12 KiB of page tables",
    });
    expect(
      facts({ split: { pages: 0, chunks: 1, placed: 0, collapse_frees_bytes: 4096 } }),
    ).toEqual({
      "full 2 MiB chunks by 512 entries": "1",
      "a collapse frees": "4 KiB of page tables",
    });
  });

  it("puts smaps' THP counts beside ours", () => {
    const thp = {
      anon_huge_bytes: 4096,
      shmem_pmd_bytes: 0,
      file_pmd_bytes: null,
      pmd_bytes: 4096,
      folio_bytes: { 4096: 8192, 65536: 65536 },
      swapped_bytes: 0,
      eligible: false,
    };
    expect(facts({ thp })).toEqual({
      "AnonHugePages / ShmemPmdMapped / FilePmdMapped": "4 KiB / 0 B / unknown",
      "by PMD, as counted here": "4 KiB",
      "by folio size": "8 KiB in 4 KiB, 64 KiB in 64 KiB",
      "huge pages": "not let in by flags or settings",
    });
  });
});
