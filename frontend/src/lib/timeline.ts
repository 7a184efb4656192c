/** Timelines of a host: what is drawn of its points, and the same as a table and in words. */
import type { Point, PoolPoint } from "../wire/types";
import { bytes, decimal } from "./format";

/** Points come once a second; where two are farther apart, nobody knows what was between. */
const GAP_S = 2.5;
const ROWS = 20;
const LEAST_SPAN_S = 60;

/** A quantity over time. */
export interface Series {
  readonly key: string;
  readonly label: string;
  /** null: unknown at that moment. */
  readonly values: readonly (number | null)[];
}

/** Series over the same moments, as seconds before the latest point: falling to 0. */
export interface Timeline {
  readonly key: string;
  readonly title: string;
  /** What the numbers count; null: bytes. */
  readonly unit: string | null;
  readonly agoS: readonly number[];
  readonly series: readonly Series[];
}

/** Points with a gap where there was one: an entry of null. */
export function withGaps<T extends { readonly at_s: number }>(points: readonly T[]): (T | null)[] {
  return points.flatMap((point, at) => {
    const before = points[at - 1];
    return before && point.at_s - before.at_s > GAP_S ? [null, point] : [point];
  });
}

/** Seconds before the latest point; the middle of a gap is a moment without values. */
export function agoOf(all: readonly ({ readonly at_s: number } | null)[]): number[] {
  const last = all.at(-1)?.at_s ?? 0;
  return all.map((point, at) => {
    if (point) return last - point.at_s;
    const [before, after] = [all[at - 1]?.at_s ?? last, all[at + 1]?.at_s ?? last];
    return last - (before + after) / 2;
  });
}

/** The three timelines of a host. */
export function timelinesOf(points: readonly Point[]): Timeline[] {
  const all = withGaps(points);
  const agoS = agoOf(all);
  const series = (key: string, label: string, of: (point: Point) => number | null): Series => {
    return { key, label, values: all.map((point) => point && of(point)) };
  };
  return [
    {
      key: "present",
      title: "Present: in page tables, each mapping counted",
      unit: null,
      agoS,
      series: [series("present", "present", (point) => point.present_bytes)],
    },
    {
      key: "changes",
      title: "Changes: huge pages a second",
      unit: "pages a second",
      agoS,
      series: [
        series("arrived", "came: faulted in, or migrated here", (point) => point.arrived),
        series("left", "went", (point) => point.left),
        series("changed", "changed in any way", (point) => point.changed),
      ],
    },
    {
      key: "spare",
      title: "To spare: free and not reserved, by page size",
      unit: null,
      agoS,
      series: pageSizes(points).map((size) =>
        series(String(size), bytes(size), (point) => spareBytes(point, size)),
      ),
    },
  ];
}

/** A value with its unit. */
export function valueWords(timeline: Pick<Timeline, "unit">, value: number | null): string {
  if (value === null) return "unknown";
  return timeline.unit === null ? bytes(value) : decimal(value);
}

/** A sentence for each series: its latest value, and between which it was. */
export function timelineWords(timeline: Timeline): string {
  const span = agoWords(Math.max(0, ...timeline.agoS));
  const parts = timeline.series.map(({ label, values }) => {
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return `${label}: unknown`;
    const words = (value: number | null): string => valueWords(timeline, value);
    const latest = words(values.at(-1) ?? null);
    return `${label}: ${latest}, between ${words(Math.min(...known))} and ${words(Math.max(...known))}`;
  });
  return `${timeline.title}. In the last ${span}: ${parts.join("; ")}.`;
}

/** The timeline as rows, latest first: some moments, evenly spread, and every gap. */
export function timelineRows(timeline: Timeline): [string, ...string[]][] {
  const { agoS, series } = timeline;
  const last = agoS.length - 1;
  const each = Math.max(1, Math.ceil(agoS.length / ROWS));
  const rows: [string, ...string[]][] = [];
  for (let at = last; at >= 0; at--) {
    const values = series.map((one) => one.values[at] ?? null);
    if ((last - at) % each !== 0 && values.some((value) => value !== null)) continue;
    const moment = at === last ? "latest" : `${agoWords(agoS[at] ?? 0)} before`;
    rows.push([moment, ...values.map((value) => valueWords(timeline, value))]);
  }
  return rows;
}

/** Seconds that the axis spans: a round number, so that it moves seldom. */
export function spanS(agoS: readonly number[]): number {
  const longest = agoS[0] ?? 0;
  return [LEAST_SPAN_S, 120, 300].find((span) => longest <= span) ?? 600;
}

/** Moments to mark on an axis of this span, and what they are called: few where there is little room. */
export function spanTicks(
  span: number,
  roomy: boolean,
): { readonly at: number[]; readonly words: string[] } {
  const count = roomy ? (span > 120 ? 5 : 4) : 2;
  const at = Array.from({ length: count + 1 }, (_, tick) => (-tick * span) / count || 0);
  const words = at.map((x) => (x === 0 ? "latest" : `−${x % 60 === 0 ? agoWords(-x) : `${-x} s`}`));
  return { at, words };
}

/** "45 s", "1 min 30 s". */
export function agoWords(seconds: number): string {
  const whole = Math.round(seconds);
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  if (minutes === 0) return `${rest} s`;
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

/** Sizes of pools, largest first; of pools that were never there only if there is no other. */
function pageSizes(points: readonly Point[]): number[] {
  const pools = points.flatMap((point) => point.pools);
  const sizes = (of: readonly PoolPoint[]): number[] =>
    [...new Set(of.map((pool) => pool.page_size))].sort((a, b) => b - a);
  const filled = sizes(pools.filter((pool) => pool.total !== 0));
  return filled.length > 0 ? filled : sizes(pools);
}

/** What anyone may still take; a reservation has a claim on what it has not used yet. */
function spareBytes(point: Point, pageSize: number): number | null {
  const pool = point.pools.find((one) => one.page_size === pageSize);
  if (pool?.free == null || pool.reserved === null) return null;
  return (pool.free - pool.reserved) * pageSize;
}
