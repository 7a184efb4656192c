/**
 * The address of a comparison: `#/compare?a=SIDE&b=SIDE`, sides as in lib/compare.ts; or `#/compare/host/...`, from where a
 * mapping or a host was on screen, which becomes the former.
 */
import { parseSide, sideText, type CompareSide, type SideName } from "../lib/compare";
import type { MigrationSummary, PairEnd, TimeState } from "../wire/types";
import { momentIn } from "./moment";
import { hostOf, parseRoute, type CompareRoute } from "./route";

/** What is asked for. */
export interface CompareWish {
  readonly a: CompareSide | null;
  readonly b: CompareSide | null;
}

/** Two sides. */
export type CompareSides = Readonly<Record<SideName, CompareSide>>;

/** What an address asks for. */
export function parseCompare({ asked }: CompareRoute): CompareWish {
  return whole({ a: parseSide(asked.get("a")), b: parseSide(asked.get("b")) });
}

/** What only one side names, process or mapping, is meant on both; the server has it so. */
function whole({ a, b }: CompareWish): CompareWish {
  if (a === null || b === null) return { a, b };
  if (b.pid === null) return { a, b: { ...b, pid: a.pid, start: a.start } };
  return { a: a.pid === null ? { ...a, pid: b.pid, start: b.start } : a, b };
}

/** One side chosen anew. All of a host is compared with all of another. */
export function withSide(sides: CompareSides, name: SideName, chosen: CompareSide): CompareWish {
  const both = { ...sides, [name]: chosen };
  if (chosen.pid !== null) return whole(both);
  const other = name === "a" ? "b" : "a";
  return { ...both, [other]: { ...sides[other], pid: null, start: null } };
}

/** The mapping or the host that somebody came from; null: neither. */
export function cameFrom({ path }: CompareRoute): CompareSide | null {
  const route = parseRoute(`#${path.slice("/compare".length)}`);
  if (route.screen === "map") return { ...route.address, atS: null };
  const hostId = hostOf(route);
  return hostId === null ? null : { hostId, pid: null, start: null, atS: null };
}

/** Both ends of the migration that somebody came from; null: none, or not both are known. */
export function endsFrom(
  { path }: CompareRoute,
  migrations: readonly Pick<MigrationSummary, "id" | "source" | "destination">[],
): CompareWish | null {
  const id = /^\/compare\/migration\/([a-z0-9]+)$/.exec(path)?.[1];
  const found = migrations.find(({ id: one }) => one === id);
  if (!found?.source || !found.destination) return null;
  const side = ({ host_id: hostId, pid }: PairEnd): CompareSide => ({
    hostId,
    pid,
    start: null,
    atS: null,
  });
  return { a: side(found.source), b: side(found.destination) };
}

/** When side A is of where somebody came from: as it is on screen; null: the present, as nothing else is kept. */
export function nearestMoment(
  search: string,
  { at_s: atS, since_s: sinceS }: Pick<TimeState, "at_s" | "since_s">,
): number | null {
  if (sinceS === null) return null;
  // The server may not be at the moment of the address yet.
  return momentIn(search) ?? atS;
}

/** Link to a comparison. Sides have no character that an address would have to escape. */
export function compareHash({ a, b }: CompareWish): string {
  const sides = [a && `a=${sideText(a)}`, b && `b=${sideText(b)}`].filter(Boolean);
  return `#/compare${sides.length > 0 ? `?${sides.join("&")}` : ""}`;
}
