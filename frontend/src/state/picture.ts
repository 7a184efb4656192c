/** The mapping on screen: its facts, its cells, its paints, and who has to know when they change. */
import { tableGeometry, type TableGeometry } from "../lib/geometry";
import type { ColorMode } from "../lib/palette";
import { Rate } from "../lib/rate";
import type { Block } from "../wire/frames";
import type { MappingInfo } from "../wire/types";
import { MappingCells } from "./cells";
import { PaintedCells } from "./painted";
import type { MapAddress } from "./route";

/** Told of cells that changed; null: all of them, or the colours. */
export type CellListener = (changed: Uint32Array | null) => void;

let made = 0;

/** Everything that is drawn of one mapping. */
export class Picture {
  /** No other picture of this page has it. */
  readonly serial = ++made;
  readonly cells: MappingCells;
  readonly geometry: TableGeometry;
  readonly changes = new Rate();
  painted: PaintedCells;
  info: MappingInfo;
  framesApplied = 0;
  lastSeq = 0;
  #listeners = new Set<CellListener>();

  constructor(
    readonly address: MapAddress,
    info: MappingInfo,
    mode: ColorMode,
  ) {
    this.info = info;
    this.cells = new MappingCells(info.cell_count, info.page_size);
    this.geometry = tableGeometry(info.start, info.page_size, info.cell_count);
    this.painted = new PaintedCells(this.cells, mode);
  }

  /** Take a frame's blocks in; the first frame with every cell is no change, later ones are. */
  apply(blocks: readonly Block[], seq: number, nowMs: number): void {
    const first = !this.cells.complete;
    const changed = this.cells.apply(blocks);
    this.framesApplied++;
    this.lastSeq = seq;
    this.painted.update(changed);
    this.changes.add(nowMs, first ? 0 : changed.length);
    this.#tell(first ? null : changed);
  }

  /** Paint the cells by something else. */
  colorBy(mode: ColorMode): void {
    if (this.painted.mode === mode) return;
    this.painted = new PaintedCells(this.cells, mode);
    this.#tell(null);
  }

  /** Whether another look at a mapping can go on in this picture. */
  fits(address: MapAddress, info: MappingInfo): boolean {
    return (
      this.address.hostId === address.hostId &&
      this.address.pid === address.pid &&
      this.info.start === info.start &&
      this.info.page_size === info.page_size &&
      this.info.cell_count === info.cell_count
    );
  }

  /** Call `listener` at every change until the returned function is called. */
  listen(listener: CellListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(changed: Uint32Array | null): void {
    for (const listener of this.#listeners) listener(changed);
  }
}
