/** Where the page is: host, process, mapping, and the way down its page tables. */
import type { ComponentChildren, JSX } from "preact";
import { address, integer } from "../lib/format";
import { hostName } from "../lib/host-name";
import { levelAsked, levelsOf, type Level } from "../lib/levels";
import { processTitle } from "../lib/process-title";
import {
  hostHash,
  hostOf,
  mapHash,
  type MapFields,
  type MapRoute,
  type Route,
} from "../state/route";
import { find } from "../state/selection";
import type { Store } from "../state/store";
import type { MappingInfo } from "../wire/types";

interface Crumb {
  readonly words: ComponentChildren;
  readonly hash: string;
  readonly mono?: boolean;
}

/** The last one is where we are. */
export function Breadcrumb(props: { readonly store: Store; readonly route: Route }): JSX.Element {
  const crumbs = crumbsOf(props.store, props.route);
  return (
    <nav class="breadcrumb" aria-label="breadcrumb" data-testid="breadcrumb">
      <ol>
        {crumbs.map(({ words, hash, mono }, at) => {
          const last = at === crumbs.length - 1;
          return (
            <li key={at} class={mono ? "mono" : ""} aria-current={last ? "page" : undefined}>
              {last && at > 0 ? words : <a href={hash}>{words}</a>}
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

function crumbsOf(store: Store, route: Route): Crumb[] {
  const crumbs: Crumb[] = [{ words: "hosts", hash: "#/" }];
  if (route.screen === "migration") crumbs.push({ words: "migrations", hash: "#/migration" });
  if (route.screen === "compare") crumbs.push({ words: "compare", hash: "#/compare" });
  const hostId = hostOf(route);
  if (hostId === null) return crumbs;
  const overview = store.received.value?.overview ?? null;
  const host = overview?.hosts.find((known) => known.host_id === hostId);
  crumbs.push({ words: host ? hostName(host) : hostId, hash: hostHash(hostId) });
  if (route.screen !== "map") return crumbs;
  const { pid, start } = route.address;
  const process = host?.processes.find((known) => known.pid === pid);
  const words = `${process ? processTitle(process) : "pid"} ${pid}`;
  crumbs.push({ words, hash: hostHash(hostId, { q: String(pid) }) });
  const shown = store.picture.value;
  const info = shown?.info ?? (overview && find(overview, route.address)?.mapping) ?? null;
  const whole = { ...route, level: null, table: null, part: null, range: null };
  crumbs.push({ words: address(start), hash: mapHash(route.address, whole), mono: true });
  if (info === null) return crumbs;
  const level = shown?.level ?? levelAsked(levelsOf(info), route);
  return level === null ? crumbs : [...crumbs, ...levelCrumbs(info, level, route)];
}

/** The levels from the mapping down to this one. */
function levelCrumbs(info: MappingInfo, level: Level, route: MapRoute): Crumb[] {
  const levels = levelsOf(info);
  const here = levels.findIndex(({ name }) => name === level.name);
  const parts = levels.filter(({ kind }) => kind === "parts");
  const to = (fields: Partial<MapFields>): string =>
    mapHash(route.address, { ...route, range: null, part: null, ...fields });
  return levels.slice(0, here + 1).flatMap((one): Crumb[] => {
    const name = one.name.toUpperCase();
    if (one.kind === "tables") {
      return [{ words: `${name} tables`, hash: to({ level: one.name, table: null }) }];
    }
    if (one.kind === "cells") {
      const words =
        route.table === null ? `${name} cells` : `${name} of table ${integer(route.table)}`;
      return [{ words, hash: to({ level: one.name }) }];
    }
    const inChunk = parts.indexOf(one) > 0;
    const cell = integer(route.cells?.first ?? 0);
    const words = inChunk ? `${name} of chunk ${route.part ?? 0}` : `${name} of cell ${cell}`;
    return [{ words, hash: to({ level: one.name, part: inChunk ? route.part : null }) }];
  });
}
