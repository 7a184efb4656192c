/** The address of what is shown: `#/`, `#/host/ID`, `#/host/ID/pid/PID/map/START?color=MODE&cells=FIRST-LAST`. */
import type { CellSpan } from "../lib/geometry";
import { COLOR_MODES, type ColorMode } from "../lib/palette";

/** A mapping by what outlives restarts of agent and server. */
export interface MapAddress {
  readonly hostId: string;
  readonly pid: number;
  /** First virtual address. */
  readonly start: number;
}

export type Route =
  | { readonly screen: "overview"; readonly hostId: string | null }
  | {
      readonly screen: "map";
      readonly address: MapAddress;
      readonly color: ColorMode;
      /** The cells that are selected. */
      readonly cells: CellSpan | null;
    }
  | { readonly screen: "unknown"; readonly hash: string };

const HOST = /^\/host\/([^/]+)$/;
const MAP = /^\/host\/([^/]+)\/pid\/([1-9][0-9]{0,9})\/map\/([0-9a-f]{1,16})$/;
const CELLS = /^([0-9]{1,10})(?:-([0-9]{1,10}))?$/;

/** What a location hash asks for; unknown colour modes fall back to state. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  if (path === "" || path === "/") return { screen: "overview", hostId: null };
  try {
    const host = HOST.exec(path);
    if (host) return { screen: "overview", hostId: decodeURIComponent(host[1] ?? "") };
    const map = MAP.exec(path);
    if (map) {
      const [, hostId = "", pid = "", start = ""] = map;
      const address = {
        hostId: decodeURIComponent(hostId),
        pid: Number(pid),
        start: Number.parseInt(start, 16),
      };
      const asked = new URLSearchParams(query);
      const color = COLOR_MODES.find((mode) => mode === asked.get("color")) ?? "state";
      return { screen: "map", address, color, cells: cellSpan(asked.get("cells") ?? "") };
    }
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
  }
  return { screen: "unknown", hash };
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
export function hostHash(hostId: string | null): string {
  return hostId === null ? "#/" : `#/host/${encodeURIComponent(hostId)}`;
}

/** Link to a mapping, with these cells selected. */
export function mapHash(
  address: MapAddress,
  color: ColorMode = "state",
  cells: CellSpan | null = null,
): string {
  const query: string[] = [];
  if (color !== "state") query.push(`color=${color}`);
  if (cells !== null) {
    const last = cells.first + cells.count - 1;
    query.push(`cells=${cells.first}${last > cells.first ? `-${last}` : ""}`);
  }
  const path = `${hostHash(address.hostId)}/pid/${address.pid}/map/${address.start.toString(16)}`;
  return query.length === 0 ? path : `${path}?${query.join("&")}`;
}

/** Whether both name the same place. */
export function sameAddress(a: MapAddress | null, b: MapAddress | null): boolean {
  if (a === null || b === null) return a === b;
  return a.hostId === b.hostId && a.pid === b.pid && a.start === b.start;
}
