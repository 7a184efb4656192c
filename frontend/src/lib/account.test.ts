import { describe, expect, it } from "vitest";
import { sampleAccount } from "../state/samples";
import {
  accountsBySize,
  barOf,
  barWords,
  countWords,
  isEmpty,
  PARTS,
  rowsOf,
  tornWords,
} from "./account";

const UNKNOWN = { fd: null, hugetlbfs: null, sysv: null, mapping: null };

describe("a pool's account", () => {
  it("has parts that sum to the total", () => {
    const account = sampleAccount();
    const sum = PARTS.reduce((before, part) => before + (part.of(account) ?? 0), 0);
    expect(sum).toBe(account.total);
  });

  it("is grouped by size, the host before its nodes", () => {
    const all = [
      sampleAccount({ node: 1 }),
      sampleAccount(),
      sampleAccount({ page_size: 2 ** 30 }),
      sampleAccount({ node: 0 }),
    ];
    const nodes = accountsBySize(all).map((group) => group.map((account) => account.node));
    expect(nodes).toEqual([[null], [null, 0, 1]]);
  });

  it("has a row for the unplaced only where something is", () => {
    const keys = (unplaced: number | null): string[] =>
      rowsOf(PARTS, [sampleAccount({ unplaced })]).map((row) => row.key);
    expect(keys(null)).not.toContain("unplaced");
    expect(keys(0)).toContain("unplaced");
  });
});

describe("an account that is a bound, or of nothing", () => {
  it("says that pages may be counted twice", () => {
    const words = (guessed: number): string[] =>
      PARTS.map((row) => countWords(row, sampleAccount({ guessed, unattributed: null })));
    expect(words(0).slice(0, 2)).toEqual(["50", "4"]);
    expect(words(1).slice(0, 2)).toEqual(["up to 50", "4"]);
    expect(words(1).slice(-2)).toEqual(["unknown", "40"]);
  });

  it("is empty without pages, promises and overcommit", () => {
    const none = { total: 0, free: 0, mapped: 0, reserved: 0, overcommit: 0 };
    const node = sampleAccount({ ...none, reserved: null, overcommit: null });
    expect(isEmpty([sampleAccount(none), node])).toBe(true);
    expect(isEmpty([sampleAccount(none), sampleAccount({ node: 0 })])).toBe(false);
    expect(isEmpty([sampleAccount({ ...none, overcommit: 4 })])).toBe(false);
    expect(isEmpty([sampleAccount({ ...none, total: null })])).toBe(false);
  });
});

describe("the bar", () => {
  it("is whole where every part is known", () => {
    const bar = barOf(sampleAccount());
    expect(bar.map(({ key }) => key)).toEqual([
      "mapped",
      "fd",
      "hugetlbfs",
      "sysv",
      "poisoned",
      "free",
    ]);
    expect(bar.reduce((sum, { share }) => sum + share, 0)).toBe(100);
  });

  it("says what is not known, and never takes it for free", () => {
    const bar = barOf(sampleAccount({ held: UNKNOWN, unattributed: null }));
    expect(bar.find(({ key }) => key === "free")?.share).toBe(40);
    expect(bar.find(({ key }) => key === "unknown")?.share).toBe(9);
  });

  it("stays a whole when a torn look has too many pages", () => {
    const bar = barOf(sampleAccount({ mapped: 150, unattributed: -100 }));
    expect(bar.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(100);
  });

  it("is empty without pages, and has words", () => {
    expect(
      barOf(sampleAccount({ total: null, mapped: 0, held: UNKNOWN, poisoned: 0, free: 0 })),
    ).toEqual([]);
    expect(barWords(sampleAccount())).toBe(
      "50 mapped, 4 kept by an open fd, 3 in a hugetlbfs file, 2 detached SysV segment, 1 poisoned, 40 free",
    );
  });

  it("comes with the tear in plain words", () => {
    expect(tornWords(sampleAccount())).toBeNull();
    expect(tornWords(sampleAccount({ torn: 1 }))).toContain("1 page:");
    expect(tornWords(sampleAccount({ torn: 2 }), true)).toBe(
      "The counters and page tables of this capture differ by 2 pages.",
    );
    expect(tornWords(sampleAccount({ torn: 5, looks: 3 }))).toBe(
      "Torn by 5 pages: they moved while the look was taken (look taken 3 times).",
    );
  });
});
