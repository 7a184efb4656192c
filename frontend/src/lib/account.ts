/** A pool's account as rows of numbers and as shares of a bar. */
import type { PoolAccount } from "../wire/types";
import { integer } from "./format";

/** One number of an account. */
export interface AccountRow {
  readonly key: string;
  readonly label: string;
  readonly of: (account: PoolAccount) => number | null;
}

/** What sums up to the total. */
export const PARTS: readonly AccountRow[] = [
  { key: "mapped", label: "mapped", of: (account) => account.mapped },
  { key: "fd", label: "kept by an open fd", of: (account) => account.held.fd },
  { key: "hugetlbfs", label: "in a hugetlbfs file", of: (account) => account.held.hugetlbfs },
  { key: "sysv", label: "detached SysV segment", of: (account) => account.held.sysv },
  { key: "mapping", label: "mapped file, no page table", of: (account) => account.held.mapping },
  { key: "poisoned", label: "poisoned", of: (account) => account.poisoned },
  { key: "unplaced", label: "kept or unattributed", of: (account) => account.unplaced },
  { key: "unattributed", label: "unattributed", of: (account) => account.unattributed },
  { key: "free", label: "free", of: (account) => account.free },
];

/** What says more of the same pages. */
export const BESIDE: readonly AccountRow[] = [
  { key: "reserved", label: "reserved", of: (account) => account.reserved },
  { key: "available", label: "free, not reserved", of: (account) => account.available },
  { key: "surplus", label: "surplus", of: (account) => account.surplus },
  { key: "overcommit", label: "overcommit limit", of: (account) => account.overcommit },
];

/** Accounts of each page size, the largest first; the host's before its nodes'. */
export function accountsBySize(accounts: readonly PoolAccount[]): PoolAccount[][] {
  const sizes = [...new Set(accounts.map((account) => account.page_size))].sort((a, b) => b - a);
  return sizes.map((size) =>
    accounts
      .filter((account) => account.page_size === size)
      .sort((a, b) => (a.node ?? -1) - (b.node ?? -1)),
  );
}

/** Rows of which at least one account knows something: a node has no reservations, the host nothing unplaced. */
export function rowsOf(
  rows: readonly AccountRow[],
  accounts: readonly PoolAccount[],
): AccountRow[] {
  return rows.filter(
    (row) => row.key !== "unplaced" || accounts.some((one) => row.of(one) !== null),
  );
}

/**
 * The parts as percentages of a bar, `unknown` for what no part explains. A torn look may have parts that sum to more
 * than the total: they then share the bar.
 */
export function barOf(account: PoolAccount): { readonly key: string; readonly share: number }[] {
  const counts = PARTS.map(({ key, of }) => ({ key, count: Math.max(0, of(account) ?? 0) }));
  const sum = counts.reduce((before, { count }) => before + count, 0);
  const whole = Math.max(sum, account.total ?? 0);
  return [...counts, { key: "unknown", count: whole - sum }]
    .filter(({ count }) => count > 0)
    .map(({ key, count }) => ({ key, share: (100 * count) / whole }));
}

/** The bar in words. */
export function barWords(account: PoolAccount): string {
  const parts = PARTS.map(({ label, of }) => [label, of(account)] as const);
  return parts
    .filter(([, count]) => count !== null && count !== 0)
    .map(([label, count]) => `${integer(count ?? 0)} ${label}`)
    .join(", ");
}

/** Whether there is nothing in any of these pools, and nothing to be said of it. */
export function isEmpty(accounts: readonly PoolAccount[]): boolean {
  return accounts.every(
    ({ total, free, mapped, reserved, overcommit, torn }) =>
      total === 0 && free === 0 && !mapped && !reserved && !overcommit && torn === 0,
  );
}

/** A number of a row as it is shown; what counts some pages twice is a bound. */
export function countWords(row: AccountRow, account: PoolAccount): string {
  const count = row.of(account);
  if (count === null) return "unknown";
  const bound = row.key === "mapped" && account.guessed > 0;
  return bound ? `up to ${integer(count)}` : integer(count);
}

/**
 * What a look that was taken while pages moved has to say; null when it is consistent. The files of a captured tree are of
 * different moments for good.
 */
export function tornWords({ torn, looks }: PoolAccount, captured = false): string | null {
  if (torn === 0) return null;
  const times = looks === 1 ? "once" : `${integer(looks)} times`;
  const pages = torn === 1 ? "1 page" : `${integer(torn)} pages`;
  if (captured) return `The counters and page tables of this capture differ by ${pages}.`;
  return `Torn by ${pages}: they moved while the look was taken (look taken ${times}).`;
}
