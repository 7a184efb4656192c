/** What the switch-over may still cost, in words. */
import { integer, NOTHING } from "../lib/format";
import type { MigrationState } from "../wire/types";
import { spanWords } from "./migration-words";

type Collapse = NonNullable<MigrationState["collapse"]>;

/** What others may take, and what bounds it. */
export function marginWords(
  { margin, left, limited_by: by, growth }: Collapse,
  over: boolean,
): string {
  if (over) return NOTHING;
  if (margin === null) return left === null ? "not known: the pool was not seen" : "not known";
  if (margin < 0) return `${integer(-margin)} too many are taken`;
  if (by === "cgroup") return `${integer(margin)}, by a limit of its cgroup`;
  const surplus = Math.min(margin, growth ?? 0);
  return integer(margin) + (surplus > 0 ? `, ${integer(surplus)} of them surplus pages` : "");
}

/** Whether and when a page of the migration will find none; `nowS`: the server's time, null: not known. */
export function failsWords(
  { margin, limited_by: by, growth, fails_at_s: failsS }: Collapse,
  over: boolean,
  nowS: number | null,
): string {
  if (over) return NOTHING;
  if (margin === null) return "not known";
  if (failsS === null) {
    if (margin < 0) return "it will, unless pages come free";
    const grows = by === "pool" && margin < (growth ?? 0);
    return grows ? "not, if the host has memory for surplus pages" : "not at all, as it goes";
  }
  return nowS === null || failsS <= nowS ? "now" : `in ${spanWords(failsS - nowS)}`;
}
