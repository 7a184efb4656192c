/**
 * What a cell is painted as.
 *
 * A paint is a number below 256: the colour mode's classes, so that legend, counts, pixels and hatches all speak of
 * the same thing. Poisoned and migrating keep their paint in every mode: no way of looking hides them.
 */
import { stateIn, type CellRecords } from "../state/cell-records";
import {
  CellFlag,
  CellState,
  PAGE_BYTES,
  SEVERAL_NODES,
  UNKNOWN_COUNT,
  UNKNOWN_NODE,
} from "../wire/generated";
import { AGE_CLASSES, ageClass, ageColor, ageWords, ENDS_S } from "./age-scale";
import { mix, rgb, sequential, type Rgb } from "./color";
import { bytes } from "./format";

export type Theme = "light" | "dark";
export type ColorMode = "state" | "mapcount" | "mappers" | "node" | "age";
export type Pattern = "none" | "diagonal" | "cross" | "dots" | "unknown";

export const COLOR_MODES: readonly ColorMode[] = ["state", "mapcount", "mappers", "node", "age"];

/** One class of cells; several paints may share one line of the legend (the levels of `partial`). */
export interface Paint {
  readonly key: string;
  readonly label: string;
  readonly color: Rgb;
  readonly pattern: Pattern;
}

/** Paints by number; absent numbers are never used. */
export type Paints = readonly (Paint | undefined)[];

export const NO_PAGE = 0;
/** Danger has the highest numbers, the worse one the higher. */
export const POISONED = 255;
export const MIGRATING = 254;

const MAPPED = 1;
const FULL = 2;
const SPLIT = 3;
export const PARTIAL = 4;
export const PARTIAL_LEVELS = 16;
export const SHARED_TABLE = 20;
export const WRITE_PROTECTED = 21;
const MARKER = 22;
const SMALL = 23;
/** Parts of a page, by the level of the entry that maps them. */
const BY_PUD = 24;
const BY_PMD = 25;
const BY_PTE = 26;
/** Several cells as one square: most are holes, and some are not. */
export const SPARSE = 27;

const FIRST_VALUE = 1;
const LAST_NODE = 200;
export const UNKNOWN = 253;
const SEVERAL = 252;
const AGE_NEVER = 100;
/** Counts up to four are told apart; beyond, their order of magnitude is enough for a colour. */
const EXACT_COUNTS = 4;
const ONE_GIB = 2 ** 30;

const COLORS = {
  light: {
    hole: "#f1f3f6",
    reserved: "#aa9b92",
    large: "#19338b",
    mapped: "#638cff",
    split: "#5cccff",
    shared: "#1b7774",
    writeProtected: "#fdc30c",
    migrating: "#cf2200",
    poisoned: "#710a2f",
    unknown: "#c3c8cf",
    flash: "#101418",
  },
  dark: {
    hole: "#1b222c",
    reserved: "#414b4e",
    large: "#185ee1",
    mapped: "#6899fa",
    split: "#a6c4f1",
    shared: "#02ffba",
    writeProtected: "#ffff3e",
    migrating: "#f07a1f",
    poisoned: "#ac5f97",
    unknown: "#4a535e",
    flash: "#ffffff",
  },
} as const;

const NODES = {
  light: "#0072b2 #e69f00 #009e73 #cc79a7 #56b4e9 #d55e00 #b3a400 #6a51a3",
  dark: "#4aa3df #ffb81c #2fc79a #e69ac4 #9ad4f5 #ff7f3f #f0e442 #a48fe0",
} as const;

/** Paint of each `CellState`; of cells mapped in part the lowest level. */
export const PAINT_OF_STATE: readonly number[] = (() => {
  const paints: number[] = [];
  paints[CellState.HOLE] = NO_PAGE;
  paints[CellState.MAPPED] = MAPPED;
  paints[CellState.FULL] = FULL;
  paints[CellState.SPLIT] = SPLIT;
  paints[CellState.PARTIAL] = PARTIAL;
  paints[CellState.MARKER] = MARKER;
  paints[CellState.POISONED] = POISONED;
  paints[CellState.MIGRATING] = MIGRATING;
  paints[CellState.SMALL] = SMALL;
  return paints;
})();

/** Colour of what is of the mapping and not loaded. */
export function unloadedColor(theme: Theme): Rgb {
  return mix(rgb(COLORS[theme].hole), rgb(COLORS[theme].unknown), 0.4);
}

/** A colour that the filter leaves in the background; danger stays in sight. */
export function dimmed(color: Rgb, paint: number, theme: Theme): Rgb {
  return mix(color, rgb(COLORS[theme].hole), paint >= MIGRATING ? 0.4 : 0.88);
}

/** Colour towards which a changed cell flashes. */
export function flashColor(theme: Theme): Rgb {
  return rgb(COLORS[theme].flash);
}

/** The paint of one cell in this mode, at `nowS` on the page's clock. */
export function paintOf(
  mode: ColorMode,
  cells: CellRecords,
  cell: number,
  pageSize: number,
  nowS: number,
): number {
  const kind = cells.kind(cell);
  const state = stateIn(kind);
  if (state === CellState.POISONED) return POISONED;
  if (state === CellState.MIGRATING) return MIGRATING;
  if (mode === "state") {
    if (state !== CellState.PARTIAL) return PAINT_OF_FLAGGED[kind & 0xffff] ?? NO_PAGE;
    return partialPaint((cells.mappedPages(cell) * PAGE_BYTES) / pageSize);
  }
  const present = state !== CellState.HOLE && state !== CellState.MARKER;
  if (mode === "age") return agePaint(nowS - cells.changedAt(cell), present);
  if (!present) return NO_PAGE;
  return mode === "node" ? nodePaint(cells.node(cell)) : countPaint(cells[mode](cell));
}

/** Paint by state and flags: one look, for half a million cells are painted at once. */
const PAINT_OF_FLAGGED = (() => {
  const paints = new Uint8Array(PAINT_OF_STATE.length << 8);
  for (let at = 0; at < paints.length; at++) {
    const state = at >> 8;
    const present = state !== CellState.HOLE && state !== CellState.MARKER;
    const flagged = (flag: number): boolean => present && (at & 0xff & flag) !== 0;
    paints[at] = PAINT_OF_STATE[state] ?? NO_PAGE;
    if (flagged(CellFlag.SHARED_TABLE)) paints[at] = SHARED_TABLE;
    if (flagged(CellFlag.WRITE_PROTECTED)) paints[at] = WRITE_PROTECTED;
  }
  return paints;
})();

/** Paint of what is mapped in part, by its share. */
export function partialPaint(share: number): number {
  const level = Math.floor(Math.max(0, share) * PARTIAL_LEVELS);
  return PARTIAL + Math.min(PARTIAL_LEVELS - 1, level);
}

/** Paint by node. */
export function nodePaint(node: number = UNKNOWN_NODE): number {
  if (node === UNKNOWN_NODE) return UNKNOWN;
  return node === SEVERAL_NODES ? SEVERAL : FIRST_VALUE + Math.min(node, LAST_NODE);
}

/** Paint by a count. */
export function countPaint(count: number = UNKNOWN_COUNT): number {
  return count === UNKNOWN_COUNT ? UNKNOWN : FIRST_VALUE + bucketOf(count);
}

/** Paint by the time since the last change; infinite: none was seen. */
export function agePaint(ageS: number, present: boolean): number {
  if (ageS === Infinity) return present ? AGE_NEVER : NO_PAGE;
  return FIRST_VALUE + ageClass(ageS);
}

/** For each paint by age the seconds at which it is due to change; what has another paint never is. */
export const AGE_DUE_S: Float64Array = (() => {
  const due = new Float64Array(256).fill(Infinity);
  due.set(ENDS_S, FIRST_VALUE);
  return due;
})();

/** Paint of a part of a page: what is in full, by the level that maps it. */
export function partPaint(state: number, level: string | null, share: number): number {
  if (state === CellState.PARTIAL) return partialPaint(share);
  if (state !== CellState.MAPPED) return PAINT_OF_STATE[state] ?? NO_PAGE;
  const byLevel = { pud: BY_PUD, pmd: BY_PMD, pte: BY_PTE }[level ?? ""];
  return byLevel ?? FULL;
}

/** For each paint of this mode 1 if its class is among `keys`; null where that is everything. */
export function shownPaints(
  mode: ColorMode,
  keys: readonly string[] | null,
  pageSize: number,
): Uint8Array | null {
  if (keys === null) return null;
  const paints = paintsOf(mode, "light", pageSize, 1);
  return Uint8Array.from({ length: 256 }, (_, at) =>
    keys.includes(paints[at]?.key ?? "") ? 1 : 0,
  );
}

/** Counts up to 4 have a class of their own, then each power of two has one: 5–8, 9–16. */
export function bucketOf(count: number): number {
  return count <= EXACT_COUNTS ? count : EXACT_COUNTS - 1 + Math.floor(Math.log2(count - 1));
}

/** The counts in a class: lowest and highest. */
export function bucketRange(bucket: number): [number, number] {
  if (bucket <= EXACT_COUNTS) return [bucket, bucket];
  const power = bucket - EXACT_COUNTS + 1;
  return [2 ** power + 1, 2 ** (power + 1)];
}

/** Colours and words of every paint in this mode. `highest` is the highest count class on screen. */
export function paintsOf(mode: ColorMode, theme: Theme, pageSize: number, highest: number): Paints {
  const paints: (Paint | undefined)[] = mode === "state" ? statePaints(theme, pageSize) : [];
  const colors = COLORS[theme];
  const set = (at: number, key: string, label: string, color: Rgb, pattern: Pattern): void => {
    paints[at] = { key, label, color, pattern };
  };
  set(MIGRATING, "migrating", "in flight (migrating)", rgb(colors.migrating), "diagonal");
  set(POISONED, "poisoned", "poisoned", rgb(colors.poisoned), "cross");
  set(UNKNOWN, "unknown", "unknown", rgb(colors.unknown), "unknown");
  if (mode === "state") return paints;
  set(NO_PAGE, "no-page", "no page", rgb(colors.hole), "none");
  if (mode === "node") {
    const hues = NODES[theme].split(" ").map(rgb);
    for (let node = 0; node <= LAST_NODE; node++) {
      const color = hues[node % hues.length] ?? [0, 0, 0];
      set(FIRST_VALUE + node, `node-${node}`, `node ${node}`, color, "none");
    }
    set(SEVERAL, "node-several", "several nodes", rgb(colors.reserved), "dots");
    return paints;
  }
  if (mode === "age") {
    for (let at = 0; at < AGE_CLASSES; at++) {
      set(FIRST_VALUE + at, `age-${at}`, ageWords(at), ageColor(at, theme === "dark"), "none");
    }
    set(AGE_NEVER, "age-never", "no change seen", rgb(colors.unknown), "none");
    return paints;
  }
  set(FIRST_VALUE, "count-0", `${mode} 0`, rgb(colors.reserved), "none");
  const top = Math.log2(Math.max(4, bucketRange(highest)[1]));
  for (let bucket = 1; bucket <= bucketOf(UNKNOWN_COUNT); bucket++) {
    const [low, high] = bucketRange(bucket);
    const share = low === high ? Math.log2(low) / top : Math.log2(high) / top;
    const label = low === high ? `${mode} ${low}` : `${mode} ${low}–${high}`;
    const color = countColor(mode, theme, share);
    set(FIRST_VALUE + bucket, `count-${low}`, label, color, "none");
  }
  return paints;
}

/** The end of the scale that is nearest to the background is left out: one mapper must not look like none. */
function countColor(mode: "mapcount" | "mappers", theme: Theme, share: number): Rgb {
  const scale = mode === "mapcount" ? "viridis" : "cividis";
  return theme === "dark" ? sequential(scale, 0.2 + 0.8 * share) : sequential(scale, 0.95 * share);
}

/** The highest count class among paints that occur. */
export function highestBucket(counts: Uint32Array): number {
  for (let paint = SEVERAL - 1; paint > FIRST_VALUE; paint--) {
    if ((counts[paint] ?? 0) > 0) return paint - FIRST_VALUE;
  }
  return 1;
}

function statePaints(theme: Theme, pageSize: number): (Paint | undefined)[] {
  const colors = COLORS[theme];
  const hole = rgb(colors.hole);
  const split = rgb(colors.split);
  const mapped = rgb(pageSize >= ONE_GIB ? colors.large : colors.mapped);
  const protect = rgb(colors.writeProtected);
  const paints: (Paint | undefined)[] = [];
  const set = (at: number, key: string, label: string, color: Rgb, pattern: Pattern): void => {
    paints[at] = { key, label, color, pattern };
  };
  set(NO_PAGE, "hole", "hole", hole, "none");
  set(MAPPED, "mapped", `mapped by one ${bytes(pageSize)} entry`, mapped, "none");
  set(FULL, "full", "mapped in full, entry size not known", mix(mapped, hole, 0.35), "none");
  set(SPLIT, "split", "split: in full by smaller entries", split, "none");
  set(SHARED_TABLE, "shared-table", "through a shared page table", rgb(colors.shared), "none");
  set(WRITE_PROTECTED, "write-protected", "write-protected (uffd)", protect, "none");
  set(MARKER, "marker", "write-protect marker, no page", mix(protect, hole, 0.5), "dots");
  set(SMALL, "small", "base pages, no huge folio", rgb(colors.reserved), "none");
  set(BY_PUD, "by-pud", "part of one 1 GiB entry", rgb(colors.large), "none");
  set(BY_PMD, "by-pmd", "by a 2 MiB entry", rgb(colors.mapped), "none");
  set(BY_PTE, "by-pte", "by a 4 KiB entry", split, "none");
  set(SPARSE, "sparse", "several: most holes, some pages", mix(hole, mapped, 0.45), "none");
  for (let level = 0; level < PARTIAL_LEVELS; level++) {
    const color = mix(hole, split, 0.25 + (0.6 * (level + 1)) / PARTIAL_LEVELS);
    set(PARTIAL + level, "partial", "mapped in part", color, "none");
  }
  return paints;
}
