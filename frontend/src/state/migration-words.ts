/** A migration in words. */
import { bytes, decimal, integer, NOTHING, percent } from "../lib/format";
import type { Limit, MigrationEnd, MigrationState, MigrationSummary } from "../wire/types";
import { Arrival, type ArrivalLog } from "./migration-arrivals";

export type Side = "source" | "destination";
export const SIDES: readonly Side[] = ["source", "destination"];

type Phase = MigrationSummary["phase"];

export const PHASE_WORDS: Readonly<Record<Phase, string>> = {
  waiting: "waiting",
  precopy: "pre-copy",
  switchover: "switch-over",
  postcopy: "post-copy",
  done: "done",
  failed: "failed",
  cancelled: "cancelled",
};

/** Whether a migration is over, however it ended. */
export function isOver(phase: Phase): boolean {
  return phase === "done" || phase === "failed" || phase === "cancelled";
}

/** Which of the page's tones a phase has. */
export function phaseTone(phase: Phase): "good" | "late" | "gone" | "busy" {
  if (phase === "done") return "good";
  if (phase === "failed") return "gone";
  return phase === "cancelled" ? "late" : "busy";
}

const REASONS: Readonly<Record<MigrationSummary["paired_by"][number], string>> = {
  hand: "named by hand",
  uuid: "the same UUID",
  name: "the same name",
  ram: "equal RAM blocks",
  incoming: "one waits for a migration (-incoming)",
  userfaultfd: "one is registered with userfaultfd",
  filling: "one fills",
};

/** Why the two ends count as one migration. */
export function pairedWords(reasons: MigrationSummary["paired_by"]): string {
  return reasons.map((reason) => REASONS[reason]).join(", ");
}

/** A span of time: "37 µs", "410 ms", "3.4 s", "12 s", "2 min 5 s". */
export function spanWords(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s > 0 && s < 0.0009995) return `${Math.max(1, Math.round(s * 1e6))} µs`;
  if (s > 0 && s < 0.9995) return `${Math.round(s * 1000)} ms`;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 59.5) return `${Math.round(s)} s`;
  const [minutes, rest] = [Math.floor(Math.round(s) / 60), Math.round(s) % 60];
  return rest === 0 ? `${integer(minutes)} min` : `${integer(minutes)} min ${rest} s`;
}

/** "+3.21 s" after a moment, "−0.40 s" before it. */
export function sinceWords(atS: number, zeroS: number): string {
  const s = atS - zeroS;
  const text = Math.abs(s) < 100 ? Math.abs(s).toFixed(2) : integer(Math.round(Math.abs(s)));
  return `${s < 0 ? "−" : "+"}${text} s`;
}

/** The moment that times of a migration count from, and what it was. */
export function zeroOf({ phases }: Pick<MigrationState, "phases">): {
  readonly atS: number;
  readonly words: string;
} {
  const turn = phases.find(({ phase }) => phase === "switchover" || phase === "postcopy");
  if (turn) {
    const words = turn.phase === "postcopy" ? "the begin of the post-copy" : "the switch-over";
    return { atS: turn.began_s, words };
  }
  return { atS: phases[0]?.began_s ?? 0, words: "the begin of watching" };
}

/** "1,024 pages, 2 GiB". */
export function pagesWords(pages: number, pageSize: number): string {
  return `${integer(pages)} ${Math.abs(pages) === 1 ? "page" : "pages"}, ${bytes(pages * pageSize)}`;
}

/** How long it will take: "12 s (9 s to 18 s)"; what cannot be said is said so. */
export function timeLeftWords(state: MigrationState): string {
  const { time_left: left, left: missing, summary } = state;
  if (left === null) {
    if (summary.phase === "done") return missing === 0 ? "nothing is left" : NOTHING;
    return summary.phase === "postcopy" || summary.phase === "precopy" ? "not known yet" : NOTHING;
  }
  const { likely_s: likely, low_s: low, high_s: high } = left;
  if (likely === null) return "not known: nothing came in the last 10 s";
  if (low === null && high === null) return spanWords(likely);
  const most = high === null ? "no bound" : spanWords(high);
  return `${spanWords(likely)} (${low === null ? NOTHING : spanWords(low)} to ${most})`;
}

/** Bytes a second, in the units of the link as well. */
export function rateWords(rate: number | null): string {
  if (rate === null) return NOTHING;
  return `${bytes(rate)}/s, ${decimal((8 * rate) / 1e6)} Mbit/s`;
}

/** Why faults on the destination's pages are not counted; null: they are. `limits` are of its host. */
export function unwatchedWords(
  { faults, summary }: MigrationState,
  limits: readonly Limit[],
): string | null {
  if (faults !== null) return null;
  const own = `process ${summary.destination?.pid ?? 0}: `;
  const limit = limits.find(
    ({ capability, reason }) =>
      capability === "page_faults" && (!/^process \d/.test(reason) || reason.startsWith(own)),
  );
  if (limit) return `cannot be seen: ${limit.reason}`;
  return isOver(summary.phase)
    ? "not watched"
    : "not watched yet: that begins with the switch-over";
}

/** What is missing of the log of arrivals; null: nothing. */
export function gapWords({ lost }: ArrivalLog, trouble: string | null): string | null {
  const words = [
    trouble !== null && `No more of the log of arrivals came (${trouble}).`,
    lost > 0 &&
      `The server had forgotten ${integer(lost)} of its records, the oldest, before this page asked for them.`,
  ].filter(Boolean);
  if (words.length === 0) return null;
  return `${words.join(" ")} What is marked, counted and coloured by arrival is not all of it.`;
}

/** Where an end is. */
export function endWords(end: MigrationEnd): string {
  return `pid ${end.pid}, ${end.host_id}`;
}

/** How much of it is there. */
export function shareWords(present: number, pages: number): string {
  return `${integer(present)} of ${integer(pages)} pages, ${percent(present, pages)}`;
}

const FOUR_GIB = 2 ** 32;

/** Where in the guest's memory a page is; `low` is what a PC has below 4 GiB, null where that is not known. */
export function physicalOf(offset: number, low: number | null): number | null {
  if (low === null) return null;
  return offset < low ? offset : offset - low + FOUR_GIB;
}

/** What the log says of a page's arrival; null: nothing. */
export function arrivalWords(
  log: ArrivalLog,
  block: number,
  cell: number,
  zeroS: number,
): string | null {
  const of = log.blocks[block];
  const rank = of?.rank[cell] ?? 0;
  if (of === undefined || rank === 0) return null;
  const missing = of.missingS[cell] ?? Number.NaN;
  const gone = missing > 0 ? `, missing for ${spanWords(missing)}` : "";
  const at = sinceWords(log.baseS + (of.atS[cell] ?? 0), zeroS);
  const order = log.lost === 0 ? `; arrival ${integer(rank)}` : "";
  return `came ${at}, ${KIND_WORDS[of.kind[cell] ?? 0] ?? ""}${gone}${order}`;
}

const KIND_WORDS: Readonly<Record<number, string>> = {
  [Arrival.PRECOPIED]: "before the switch-over",
  [Arrival.SWEEP]: "in order (inferred)",
  [Arrival.DEMAND]: "demanded (inferred)",
  [Arrival.FAULT]: "demanded (a fault was seen)",
};
