/**
 * What a group of cells is painted as.
 *
 * By state: poisoned, then migrating, always win; else the state that most of its cells have, where holes among which there
 * are pages have a paint of their own: a page of a sparse mapping must not vanish. By counts the highest
 * count, by node the node of all, by age the newest change. Under a filter the class that most of the cells have among
 * those that are shown, so that nothing asked for hides among the many.
 */
import type { GroupColumns } from "../state/groups";
import { CellState, PAGE_BYTES } from "../wire/generated";
import {
  agePaint,
  countPaint,
  MIGRATING,
  NO_PAGE,
  nodePaint,
  PAINT_OF_STATE,
  partialPaint,
  POISONED,
  SHARED_TABLE,
  SPARSE,
  WRITE_PROTECTED,
  type ColorMode,
} from "./palette";

/** Whether a state has a page in the table. */
function present(state: number): boolean {
  return state !== CellState.HOLE && state !== CellState.MARKER;
}

/** The paint of one group in this mode. */
export function groupPaint(
  mode: ColorMode,
  columns: GroupColumns,
  at: number,
  pageSize: number,
  ageS: number,
  shown: Uint8Array | null,
): number {
  const { counts } = columns;
  if ((counts[CellState.POISONED]?.[at] ?? 0) > 0) return POISONED;
  if ((counts[CellState.MIGRATING]?.[at] ?? 0) > 0) return MIGRATING;
  if (mode === "state") return statePaint(columns, at, pageSize, shown);
  let pages = 0;
  for (let state = 0; state < counts.length; state++) {
    if (present(state)) pages += counts[state]?.[at] ?? 0;
  }
  if (mode === "age") return agePaint(ageS, pages > 0);
  if (pages === 0) return NO_PAGE;
  return mode === "node" ? nodePaint(columns.node[at]) : countPaint(columns[mode][at]);
}

function statePaint(
  columns: GroupColumns,
  at: number,
  pageSize: number,
  shown: Uint8Array | null,
): number {
  const { counts, writeProtected, sharedTable } = columns;
  let winner = -1;
  let most = 0;
  let pages = 0;
  for (let state = 0; state < counts.length; state++) {
    const count = counts[state]?.[at] ?? 0;
    if (count === 0) continue;
    if (present(state)) pages += count;
    const paint = PAINT_OF_STATE[state] ?? NO_PAGE;
    if (shown !== null && shown[paint] === 0) continue;
    // Of equals the higher paint wins: a page before a hole.
    if (count > most || (count === most && paint > (PAINT_OF_STATE[winner] ?? -1))) {
      most = count;
      winner = state;
    }
  }
  const protectedCells = writeProtected[at] ?? 0;
  const shared = sharedTable[at] ?? 0;
  if (shown !== null) {
    if (winner < 0) {
      // None of the states is asked for: a flag may be.
      if (shown[WRITE_PROTECTED] === 1 && protectedCells > 0) return WRITE_PROTECTED;
      if (shown[SHARED_TABLE] === 1 && shared > 0) return SHARED_TABLE;
      return statePaint(columns, at, pageSize, null);
    }
  }
  if (winner === CellState.PARTIAL) return partialPaint(partialShare(columns, at, pageSize));
  if (present(winner)) {
    const allowed = (paint: number): boolean => shown === null || shown[paint] === 1;
    if (protectedCells * 2 > pages && allowed(WRITE_PROTECTED)) return WRITE_PROTECTED;
    if (shared * 2 > pages && allowed(SHARED_TABLE)) return SHARED_TABLE;
  }
  const hides = winner === CellState.HOLE && pages > 0 && (shown === null || shown[SPARSE] === 1);
  return hides ? SPARSE : (PAINT_OF_STATE[winner] ?? NO_PAGE);
}

/** How much of its cells that are mapped in part is mapped. */
function partialShare({ counts, mappedPages }: GroupColumns, at: number, pageSize: number): number {
  const of = (state: number): number => counts[state]?.[at] ?? 0;
  const whole = pageSize / PAGE_BYTES;
  const full = of(CellState.MAPPED) + of(CellState.FULL) + of(CellState.SPLIT);
  const inPart = of(CellState.PARTIAL) + of(CellState.SMALL);
  return ((mappedPages[at] ?? 0) - full * whole) / (inPart * whole);
}
