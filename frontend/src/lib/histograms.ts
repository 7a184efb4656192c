/** Histograms of a host: what is drawn of them, and in words. */
import { CellState } from "../wire/generated";
import type { CountBucket, Histograms } from "../wire/types";
import { hex } from "./color";
import { bytes, integer } from "./format";
import { barPaints } from "./legend";
import { bucketOf, countPaint, paintsOf, type Pattern, type Theme } from "./palette";

/** One bar. */
export interface Bar {
  readonly key: string;
  readonly label: string;
  readonly value: number;
  /** The value in words. */
  readonly words: string;
  readonly color: string;
  readonly pattern: Pattern;
}

export interface Histogram {
  readonly key: "levels" | "mapcount" | "mappers";
  readonly title: string;
  /** What the bars count; null: bytes. */
  readonly unit: string | null;
  /** What the bars stand for. */
  readonly of: string;
  readonly bars: readonly Bar[];
}

const NUMBERS = new Map(
  Object.entries(CellState).map(([name, number]) => [name.toLowerCase(), number] as const),
);
/** These map nothing, and are told by what they would map. */
const LOST: readonly string[] = ["poisoned", "migrating"];

/** All histograms of a host. */
export function histogramsOf(histograms: Histograms, theme: Theme): Histogram[] {
  return [
    {
      key: "levels",
      title: "Granularity: memory by page size and how it is mapped",
      unit: null,
      of: "page size and state",
      bars: levelBars(histograms, theme),
    },
    {
      key: "mapcount",
      title: "Mapcount: present pages by the kernel’s count",
      unit: "cells",
      of: "mapcount",
      bars: countBars("mapcount", histograms.mapcount, theme),
    },
    {
      key: "mappers",
      title: "Mappers: present pages by mappings seen to map them",
      unit: "cells",
      of: "mappers",
      bars: countBars("mappers", histograms.mappers, theme),
    },
  ];
}

/** The histogram in a sentence. */
export function histogramWords({ title, bars }: Histogram): string {
  if (bars.length === 0) return `${title}: nothing is present.`;
  return `${title}. ${bars.map((bar) => `${bar.label}: ${bar.words}`).join("; ")}.`;
}

/** Largest pages first; what is not there has no bar, nor has a hole. */
function levelBars({ levels }: Histograms, theme: Theme): Bar[] {
  const shown = levels.flatMap((level) => {
    const lost = LOST.includes(level.state);
    const value = lost ? level.cells * level.page_size : level.mapped_bytes;
    const state = NUMBERS.get(level.state) ?? CellState.HOLE;
    const paint = barPaints(theme, level.page_size)[state];
    if (value === 0 || !paint) return [];
    const size = `${bytes(level.page_size)}${level.kind === "thp" ? " THP" : ""}`;
    const cells = level.cells === 1 ? "1 cell" : `${integer(level.cells)} cells`;
    const bar = {
      key: `${size} ${level.state}`,
      label: `${size} ${level.state === "migrating" ? "in flight" : level.state}`,
      value,
      words: lost ? `${cells}, not mapped` : `${bytes(value)} in ${cells}`,
      color: hex(paint.color),
      pattern: paint.pattern,
    };
    return [{ bar, size: level.page_size, state }];
  });
  shown.sort((a, b) => b.size - a.size || a.state - b.state);
  return shown.map((one) => one.bar);
}

function countBars(
  mode: "mapcount" | "mappers",
  buckets: readonly CountBucket[],
  theme: Theme,
): Bar[] {
  const highest = Math.max(1, ...buckets.map((bucket) => bucketOf(bucket.high ?? 1)));
  const paints = paintsOf(mode, theme, 1, highest);
  return buckets
    .filter((bucket) => bucket.cells > 0 || bucket.low !== 0)
    .map(({ low, high, cells }) => {
      const paint = paints[countPaint(low ?? undefined)];
      const range = low === high ? String(low) : `${low ?? "?"}–${high ?? "?"}`;
      return {
        key: String(low),
        label: low === null ? "unknown" : range,
        value: cells,
        words: integer(cells),
        color: hex(paint?.color ?? [128, 128, 128]),
        pattern: paint?.pattern ?? "none",
      };
    });
}
