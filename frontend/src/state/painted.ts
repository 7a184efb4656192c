/** The cells of a mapping as paints, with how many there are of each. */
import { paintOf, type ColorMode } from "../lib/palette";
import type { MappingCells } from "./cells";

/** Follows one mapping's cells in one colour mode. */
export class PaintedCells {
  readonly paint: Uint8Array;
  readonly counts = new Uint32Array(256);

  constructor(
    readonly cells: MappingCells,
    readonly mode: ColorMode,
  ) {
    this.paint = new Uint8Array(cells.cellCount);
    this.repaint();
  }

  /** Every cell anew. */
  repaint(): void {
    const { columns, pageSize } = this.cells;
    this.counts.fill(0);
    for (let cell = 0; cell < this.paint.length; cell++) {
      const paint = paintOf(this.mode, columns, cell, pageSize);
      this.paint[cell] = paint;
      this.counts[paint] = (this.counts[paint] ?? 0) + 1;
    }
  }

  /** These cells anew. */
  update(changed: Uint32Array): void {
    const { columns, pageSize } = this.cells;
    for (const cell of changed) {
      const old = this.paint[cell] ?? 0;
      const paint = paintOf(this.mode, columns, cell, pageSize);
      if (paint === old) continue;
      this.paint[cell] = paint;
      this.counts[old] = (this.counts[old] ?? 0) - 1;
      this.counts[paint] = (this.counts[paint] ?? 0) + 1;
    }
  }
}
