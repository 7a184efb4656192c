/** A read-only window into the page for tests and for people with the console open: `__hugescope`. */
import { hex } from "./lib/color";
import { columnOf, rowOf } from "./lib/geometry";
import type { Connection } from "./state/connection";
import { columnsOf, type CellColumns } from "./state/cell-columns";
import type { GroupColumns } from "./state/groups";
import type { Migrating } from "./state/migration";
import { hostOf } from "./state/route";
import type { Picture } from "./state/picture";
import type { Timings } from "./state/cell-screen";
import type { Store } from "./state/store";
import { theme } from "./state/theme";
import type {
  HostReport,
  HostSummary,
  MappingInfo,
  MigrationState,
  PartRun,
  Viewed,
} from "./wire/types";

/** The mapping on screen. Arrays are the page's own or copies: read, do not write. */
export interface DebugMapping {
  readonly info: MappingInfo;
  readonly level: string;
  readonly table: number | null;
  /** What is loaded: columns begin at cell `first`, or at the group that holds it. */
  readonly view: Viewed | null;
  /** Of single cells, or of groups; null inside of a page and before anything came. */
  readonly columns: CellColumns | GroupColumns | null;
  /** The run of each part of a page; null elsewhere. */
  readonly parts: readonly (PartRun | undefined)[] | null;
  /** When each item changed, in seconds of `performance.now()`; -Infinity: not since the server first saw it. */
  readonly ages: Float32Array | null;
  /** Paint of each item, and key and colour of each paint. */
  readonly paint: Uint8Array | null;
  readonly paints: Readonly<Record<number, { readonly key: string; readonly color: string }>>;
  readonly complete: boolean;
  readonly stateCounts: Uint32Array;
  readonly presentPages: number;
  readonly seq: number;
  readonly framesApplied: number;
  /** Row and column of what stands for a cell on the map. */
  entryOf(cell: number): { readonly row: number; readonly column: number };
  /** Its middle in CSS pixels of the window; null while it is not on screen. */
  centerOf(cell: number): { readonly x: number; readonly y: number } | null;
  /** Key of the class that it is painted as; null while it is not loaded. */
  keyOf(cell: number): string | null;
}

/** A migration on screen, with what is drawn of each end. */
export interface DebugMigration {
  readonly state: MigrationState | null;
  /** Records of the log of arrivals that are here. */
  readonly logged: number;
  readonly source: DebugMapping | null;
  readonly destination: DebugMapping | null;
}

export interface DebugHandle {
  readonly hosts: readonly HostSummary[];
  readonly connection: Connection;
  readonly phase: string;
  readonly mapping: DebugMapping | null;
  readonly migration: DebugMigration | null;
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
      return picture && mappingOf(store, picture);
    },
    get migration() {
      return store.migrating && migrationOf(store.migrating);
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

function migrationOf({ received, logged, panes }: Migrating): DebugMigration {
  const drawn = (pane: Store | undefined): DebugMapping | null => {
    const picture = pane?.picture.value;
    return pane && picture ? mappingOf(pane, picture) : null;
  };
  return {
    state: received.value?.state ?? null,
    logged: logged.value,
    source: drawn(panes.source),
    destination: drawn(panes.destination),
  };
}

function mappingOf(store: Store, picture: Picture): DebugMapping {
  const { geometry, painted } = picture;
  const { items } = picture;
  const paints = picture.paints(theme.value);
  const entryOf = (cell: number): { readonly row: number; readonly column: number } => {
    const entry = picture.entryOf(cell);
    return { row: rowOf(geometry, entry), column: columnOf(geometry, entry) };
  };
  return {
    info: picture.info,
    level: picture.level.name,
    table: picture.table,
    view: picture.loaded,
    get columns() {
      if (items?.kind === "cells") return columnsOf(items.cells);
      return items?.kind === "groups" ? items.columns : null;
    },
    parts: items && "runs" in items ? items.runs : null,
    get ages() {
      return (
        items && Float32Array.from({ length: items.grid.count }, (_, at) => items.changedAt(at))
      );
    },
    paint: painted?.paint ?? null,
    paints: Object.fromEntries(
      paints.flatMap((one, at) => (one ? [[at, { key: one.key, color: hex(one.color) }]] : [])),
    ),
    complete: picture.complete,
    stateCounts: picture.stateCounts,
    presentPages: picture.presentPages,
    seq: picture.lastSeq,
    framesApplied: picture.framesApplied,
    entryOf,
    centerOf: (cell) => {
      const { row, column } = entryOf(cell);
      return store.screen?.centerOf(row, column) ?? null;
    },
    keyOf: (cell) => {
      const { row, column } = entryOf(cell);
      return paints[picture.paintAt(row, column)]?.key ?? null;
    },
  };
}
