/** Records of cells as columns: what tests and people with the console open like to look at. */
import type { CellRecords } from "./cell-records";

/** Columns over single cells; meanings as in agent/hugescope_wire/cells.py. */
export interface CellColumns {
  readonly mappedPages: Uint32Array;
  readonly mapcount: Uint16Array;
  readonly mappers: Uint16Array;
  readonly state: Uint8Array;
  readonly flags: Uint8Array;
  readonly node: Uint8Array;
}

/** A copy of all records. */
export function columnsOf(cells: CellRecords): CellColumns {
  const { length } = cells;
  return {
    mappedPages: Uint32Array.from({ length }, (_, at) => cells.mappedPages(at)),
    mapcount: Uint16Array.from({ length }, (_, at) => cells.mapcount(at)),
    mappers: Uint16Array.from({ length }, (_, at) => cells.mappers(at)),
    state: Uint8Array.from({ length }, (_, at) => cells.state(at)),
    flags: Uint8Array.from({ length }, (_, at) => cells.flags(at)),
    node: Uint8Array.from({ length }, (_, at) => cells.node(at)),
  };
}
