/** Ticks of the heatmap's axes: entry indices along x, addresses of page tables along y. */
import { address } from "./format";
import { ENTRIES, tableAddress, type TableGeometry } from "./geometry";

/** Positions in cells and their labels, for an axis of plotly's in tickmode "array". */
export interface Ticks {
  readonly positions: number[];
  readonly labels: string[];
}

const COLUMN_TICK_PX = 44;
const ROW_TICK_PX = 18;

/** Powers of two, so that ticks fall on the same entries at every zoom. */
function step(span: number, lengthPx: number, tickPx: number): number {
  const most = Math.max(1, lengthPx / tickPx);
  let size = 1;
  while (span / size > most) size *= 2;
  return size;
}

/**
 * Labels at the middle of a cell when cells are wide, at its left edge when they are thin. They also cover one
 * span beyond either side: a pan shows labels before it ends.
 */
export function columnTicks(x0: number, x1: number, lengthPx: number, perRow = ENTRIES): Ticks {
  const size = step(x1 - x0, lengthPx, COLUMN_TICK_PX);
  const span = x1 - x0;
  const from = Math.max(0, Math.floor((x0 - span) / size) * size);
  const to = Math.min(perRow - 1, x1 + span);
  const positions: number[] = [];
  const labels: string[] = [];
  const middle = lengthPx / span >= 8 ? 0.5 : 0;
  for (let column = from; column <= to; column += size) {
    positions.push(column + middle);
    labels.push(String(column));
  }
  if (size >= 32 && to === perRow - 1) {
    positions.push(to + middle);
    labels.push(String(to));
    // The label of 511 takes the place of the one before it, 480 or 448, only where they would touch.
    const before = positions.length - 2;
    const gap = ((to - (positions[before] ?? 0)) * lengthPx) / span;
    if (gap < COLUMN_TICK_PX * 0.7) {
      positions.splice(before, 1);
      labels.splice(before, 1);
    }
  }
  return { positions, labels };
}

/** The address of entry 0 of each labelled table, at the middle of its row. */
export function rowTicks(geometry: TableGeometry, y0: number, y1: number, lengthPx: number): Ticks {
  const size = step(y1 - y0, lengthPx, ROW_TICK_PX);
  const span = y1 - y0;
  const from = Math.max(0, Math.floor((y0 - span) / size) * size);
  const to = Math.min(geometry.rows - 1, y1 + span);
  const positions: number[] = [];
  const labels: string[] = [];
  for (let row = from; row <= to; row += size) {
    positions.push(row + 0.5);
    labels.push(address(tableAddress(geometry, row)));
  }
  return { positions, labels };
}
