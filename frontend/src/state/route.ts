/**
 * The address of what is shown: `#/?q=TEXT&sort=KEY`, `#/host/ID?q=..&sort=..`, and
 * `#/host/ID/pid/PID/map/START?color=..&level=..&table=K&cells=A-B&part=P&x=A-B&y=A-B&show=k1,k2&panel=extents&by=..`.
 * What is absent has its default; what means nothing counts as absent.
 */
import type { CellRange, CellSpan } from "../lib/geometry";
import { LEVEL_NAMES, type LevelName } from "../lib/level-names";
import { COLOR_MODES, type ColorMode } from "../lib/palette";

/** A mapping by what outlives restarts of agent and server. */
export interface MapAddress {
  readonly hostId: string;
  readonly pid: number;
  /** First virtual address. */
  readonly start: number;
}

/** How a mapping is looked at. */
export interface MapFields {
  readonly color: ColorMode;
  /** The page-table level asked for; null: what suits the mapping. */
  readonly level: LevelName | null;
  /** The one page table of the mapping to show, counted from its first; null: all. */
  readonly table: number | null;
  /** The cells that are selected; on a level inside of a page the first is that page. */
  readonly cells: CellSpan | null;
  /** A part of that page. */
  readonly part: number | null;
  /** Zoomed to these columns and rows; null: home. */
  readonly range: CellRange | null;
  /** Keys of the legend that are shown; null: all. */
  readonly show: readonly string[] | null;
  /** What is open beside the map. */
  readonly panel: "extents" | null;
  /** States that the extents are restricted to; null: all. */
  readonly by: readonly string[] | null;
}

export interface MapRoute extends MapFields {
  readonly screen: "map";
  readonly address: MapAddress;
}

/** What the overview is restricted to, and in which order; "": as it comes. */
export interface OverviewFields {
  readonly q: string;
  readonly sort: string;
}

export interface OverviewRoute extends OverviewFields {
  readonly screen: "overview";
  readonly hostId: string | null;
}

/** A migration, or all of them: what the address says of it is read by its screen (migration-route.ts). */
export interface MigrationRoute {
  readonly screen: "migration";
  readonly path: string;
  readonly asked: URLSearchParams;
}

/** Two looks beside each other: read by its screen, too (compare-route.ts). */
export interface CompareRoute extends Omit<MigrationRoute, "screen"> {
  readonly screen: "compare";
}

export type Route =
  | OverviewRoute
  | MapRoute
  | MigrationRoute
  | CompareRoute
  | { readonly screen: "unknown"; readonly hash: string };

const HOST = /^\/host\/([^/]+)$/;
const MAP = /^\/host\/([^/]+)\/pid\/([1-9][0-9]{0,9})\/map\/([0-9a-f]{1,16})$/;
const NUMBER = /^[0-9]{1,10}$/;
const CELLS = /^([0-9]{1,10})(?:-([0-9]{1,10}))?$/;
const SPAN = /^([0-9]{1,10}(?:\.[0-9]+)?)-([0-9]{1,10}(?:\.[0-9]+)?)$/;

/** What a location hash asks for. */
export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const asked = new URLSearchParams(mark < 0 ? "" : text.slice(mark));
  if (path.startsWith("/migration")) return { screen: "migration", path, asked };
  if (path.startsWith("/compare")) return { screen: "compare", path, asked };
  try {
    const host = HOST.exec(path);
    if (host || path === "" || path === "/") {
      const hostId = host ? decodeURIComponent(host[1] ?? "") : null;
      return {
        screen: "overview",
        hostId,
        q: asked.get("q") ?? "",
        sort: asked.get("sort") ?? "",
      };
    }
    const map = MAP.exec(path);
    if (map) {
      const [, hostId = "", pid = "", start = ""] = map;
      const address = {
        hostId: decodeURIComponent(hostId),
        pid: Number(pid),
        start: Number.parseInt(start, 16),
      };
      return { screen: "map", address, ...mapFields(asked) };
    }
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
  }
  return { screen: "unknown", hash };
}

/** What the query of an address says of cells; `color` is of a map. */
export function mapFields(asked: URLSearchParams): MapFields {
  const text = (key: string): string => asked.get(key) ?? "";
  const [x, y] = [floatSpan(text("x")), floatSpan(text("y"))];
  return {
    color: COLOR_MODES.find((mode) => mode === text("color")) ?? "state",
    level: LEVEL_NAMES.find((name) => name === text("level")) ?? null,
    table: whole(text("table")),
    cells: cellSpan(text("cells")),
    part: whole(text("part")),
    range: x && y && { x0: x[0], x1: x[1], y0: y[0], y1: y[1] },
    show: words(asked.get("show")),
    panel: text("panel") === "extents" ? "extents" : null,
    by: words(asked.get("by")),
  };
}

function whole(text: string): number | null {
  return NUMBER.test(text) ? Number(text) : null;
}

function words(text: string | null): string[] | null {
  return text === null ? null : text.split(",").filter((word) => word !== "");
}

function floatSpan(text: string): readonly [number, number] | null {
  const found = SPAN.exec(text);
  const [low, high] = [Number(found?.[1]), Number(found?.[2])];
  return low < high ? [low, high] : null;
}

function cellSpan(text: string): CellSpan | null {
  const found = CELLS.exec(text);
  if (found === null) return null;
  const first = Number(found[1]);
  return { first, count: Math.max(1, Number(found[2] ?? first) - first + 1) };
}

/** The host that a route is about; null: no certain one. */
export function hostOf(route: Route): string | null {
  if (route.screen === "map") return route.address.hostId;
  return route.screen === "overview" ? route.hostId : null;
}

/** Link to the overview, or to one host. */
export function hostHash(hostId: string | null, fields: Partial<OverviewFields> = {}): string {
  const path = hostId === null ? "#/" : `#/host/${encodeURIComponent(hostId)}`;
  return path + queryOf([fields.q && ["q", fields.q], fields.sort && ["sort", fields.sort]]);
}

/** Link to a mapping. To change some fields of a route: `mapHash(route.address, { ...route, cells })`. */
export function mapHash(address: MapAddress, fields: Partial<MapFields> = {}): string {
  const { color, level, table, cells, part, range, show, panel, by } = fields;
  const last = cells ? cells.first + cells.count - 1 : 0;
  const path = `${hostHash(address.hostId)}/pid/${address.pid}/map/${address.start.toString(16)}`;
  return (
    path +
    queryOf([
      color && color !== "state" && ["color", color],
      level && ["level", level],
      table != null && ["table", String(table)],
      cells && ["cells", last > cells.first ? `${cells.first}-${last}` : String(cells.first)],
      part != null && ["part", String(part)],
      range && ["x", spanText(range.x0, range.x1)],
      range && ["y", spanText(range.y0, range.y1)],
      show && ["show", show.join()],
      panel && ["panel", panel],
      by && ["by", by.join()],
    ])
  );
}

/** A hundredth of a cell is finer than anyone sees. */
export function spanText(low: number, high: number): string {
  const round = (value: number): number => Math.round(Math.max(0, value) * 100) / 100;
  return `${round(low)}-${round(high)}`;
}

type Pair = readonly [key: string, value: string];

/** The query of an address; what is falsy is left out. */
export function queryOf(pairs: readonly (Pair | false | "" | null | undefined)[]): string {
  const query = pairs
    .filter((pair): pair is Pair => Boolean(pair))
    // A comma needs no escape, and links are read by people.
    .map(([key, value]) => `${key}=${encodeURIComponent(value).replaceAll("%2C", ",")}`);
  return query.length === 0 ? "" : `?${query.join("&")}`;
}

/** Whether both name the same place. */
export function sameAddress(a: MapAddress | null, b: MapAddress | null): boolean {
  if (a === null || b === null) return a === b;
  return a.hostId === b.hostId && a.pid === b.pid && a.start === b.start;
}

/**
 * What the address says of the same mapping or list by now, from which a change has to start: the page draws what an address
 * says some time later, and what was asked for in between would be lost.
 */
export function latest<Known extends MapRoute | OverviewRoute>(route: Known): Known {
  const now = parseRoute(window.location.hash);
  return placeOf(now) === placeOf(route) ? (now as Known) : route;
}

function placeOf(route: Route): string {
  if (route.screen === "map") return mapHash(route.address);
  return route.screen === "overview" ? hostHash(route.hostId) : "";
}
