/** What draws cells for the store, and what that costs. */

/** Milliseconds of the main thread. */
export interface Timings {
  /** Decoding and taking in the latest frame of cells. */
  applyMs: number;
  /** Drawing it. */
  drawMs: number;
  /** Both, summed over all updates that were drawn. */
  totalMs: number;
  /** Updates that were drawn; several frames may share one. */
  updates: number;
}

/** What draws the cells of the picture. */
export interface CellScreen {
  /** Draw soon, then call `drawn`. */
  scheduleDraw(drawn: () => void): void;
  /** Middle of an entry in CSS pixels of the window; null while it lies outside of the axes. */
  centerOf(row: number, column: number): { readonly x: number; readonly y: number } | null;
}
