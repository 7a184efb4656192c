/** A read-only window into the page for tests and for people with the console open: `__hugescope`. */
import { columnOf, rowOf } from "./lib/geometry";
import type { Connection } from "./state/connection";
import type { CellColumns } from "./state/cells";
import { hostOf } from "./state/route";
import type { Store, Timings } from "./state/store";
import type { HostReport, HostSummary, MappingInfo } from "./wire/types";

/** The mapping on screen. Arrays are the page's own: read, do not write. */
export interface DebugMapping {
  readonly info: MappingInfo;
  readonly columns: CellColumns;
  readonly complete: boolean;
  readonly stateCounts: Uint32Array;
  readonly presentPages: number;
  readonly seq: number;
  readonly framesApplied: number;
  /** Row and column of a cell on the map. */
  entryOf(cell: number): { readonly row: number; readonly column: number };
  /** Middle of a cell in CSS pixels of the window; null while it is not on screen. */
  centerOf(cell: number): { readonly x: number; readonly y: number } | null;
}

export interface DebugHandle {
  readonly hosts: readonly HostSummary[];
  readonly connection: Connection;
  readonly phase: string;
  readonly mapping: DebugMapping | null;
  /** The report of the host in view, or of the first; null before there is one. */
  readonly report: HostReport | null;
  /** Updates that were drawn since the page was loaded. */
  readonly framesDrawn: number;
  readonly timings: Readonly<Timings>;
}

declare global {
  interface Window {
    readonly __hugescope?: DebugHandle;
  }
}

/** Put the handle on the window. */
export function exposeForDebugging(store: Store): void {
  const handle: DebugHandle = {
    get hosts() {
      return store.received.value?.overview.hosts ?? [];
    },
    get connection() {
      return store.connection.value;
    },
    get phase() {
      return store.selection.value.phase;
    },
    get mapping() {
      const picture = store.picture.value;
      if (picture === null) return null;
      return {
        info: picture.info,
        columns: picture.cells.columns,
        complete: picture.cells.complete,
        stateCounts: picture.cells.stateCounts,
        presentPages: picture.cells.presentPages,
        seq: picture.lastSeq,
        framesApplied: picture.framesApplied,
        entryOf: (cell: number) => ({
          row: rowOf(picture.geometry, cell),
          column: columnOf(picture.geometry, cell),
        }),
        centerOf: (cell: number) =>
          store.screen?.centerOf(rowOf(picture.geometry, cell), columnOf(picture.geometry, cell)) ??
          null,
      };
    },
    get report() {
      const hosts = store.received.value?.overview.hosts ?? [];
      const id = hostOf(store.route.value);
      const host = hosts.find((known) => id === null || known.host_id === id);
      return host ? store.reportOf(host) : null;
    },
    get framesDrawn() {
      return store.timings.updates;
    },
    get timings() {
      return { ...store.timings };
    },
  };
  Object.defineProperty(window, "__hugescope", { value: Object.freeze(handle) });
}
