/** The address of what is shown: `#/`, `#/host/ID`, `#/host/ID/pid/PID/map/START?color=MODE`. */
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
  | { readonly screen: "map"; readonly address: MapAddress; readonly color: ColorMode }
  | { readonly screen: "unknown"; readonly hash: string };

const HOST = /^\/host\/([^/]+)$/;
const MAP = /^\/host\/([^/]+)\/pid\/([1-9][0-9]{0,9})\/map\/([0-9a-f]{1,16})$/;

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
      return { screen: "map", address, color: colorMode(new URLSearchParams(query).get("color")) };
    }
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
  }
  return { screen: "unknown", hash };
}

function colorMode(text: string | null): ColorMode {
  return COLOR_MODES.find((mode) => mode === text) ?? "state";
}

/** Link to the overview, or to one host. */
export function hostHash(hostId: string | null): string {
  return hostId === null ? "#/" : `#/host/${encodeURIComponent(hostId)}`;
}

/** Link to a mapping. */
export function mapHash(address: MapAddress, color: ColorMode): string {
  const path = `/pid/${address.pid}/map/${address.start.toString(16)}`;
  return `${hostHash(address.hostId)}${path}${color === "state" ? "" : `?color=${color}`}`;
}

/** Whether both name the same place. */
export function sameAddress(a: MapAddress | null, b: MapAddress | null): boolean {
  if (a === null || b === null) return a === b;
  return a.hostId === b.hostId && a.pid === b.pid && a.start === b.start;
}
