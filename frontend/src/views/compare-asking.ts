/** What the comparing screen asks, and when: what its address says, at the moment of the page. */
import { computed } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { askCompared, type Compared, type CompareQuery } from "../backends/compare";
import { parseSide, SIDE_NAMES, sideText, whatText } from "../lib/compare";
import {
  cameFrom,
  compareHash,
  endsFrom,
  nearestMoment,
  parseCompare,
  type CompareWish,
} from "../state/compare-route";
import { Inquiry } from "../state/inquiry";
import { PlayedMoment } from "../state/played-moment";
import type { CompareRoute } from "../state/route";
import type { Store } from "../state/store";
import type { HostSummary } from "../wire/types";

/** Changes the address without a step in the history. */
export function change(wish: CompareWish): void {
  window.location.replace(compareHash(wish));
}

/** What the address asks for; one that does not say both sides in full gets what is nearest. */
export function useWish(store: Store, route: CompareRoute): CompareWish {
  const wish = useMemo(() => parseCompare(route), [route]);
  // The page's hosts and its time change many times a second: what they lead to does not.
  const goal = useMemo(
    () => computed(() => goalOf(store, route, wish)),
    [store, route, wish],
  ).value;
  useEffect(() => {
    if (goal !== null) window.location.replace(goal);
  }, [goal]);
  return wish;
}

/** The address that should stand in place of this one; null: this one, or not enough is known yet. */
function goalOf(store: Store, route: CompareRoute, wish: CompareWish): string | null {
  const { a, b } = wish;
  if (a && b) {
    const said = [a, b].every((side, at) => {
      const text = parseSide(route.asked.get(SIDE_NAMES[at] ?? "a"));
      return text !== null && whatText(text) === whatText(side);
    });
    return said && route.path === "/compare" ? null : compareHash(wish);
  }
  const state = store.time.state.value;
  const hosts = store.received.value?.overview.hosts;
  if (state === null || hosts === undefined) return null;
  const one = a ?? b;
  if (one) return compareHash({ a: a ?? { ...one, atS: null }, b: b ?? { ...one, atS: null } });
  const ends = endsFrom(route, store.migrations.value);
  if (ends) return compareHash(ends);
  // Its ends may be told later.
  if (isMigration(route)) return null;
  const found = nearest(route, hosts, nearestMoment(window.location.search, state));
  return found && compareHash(found);
}

export function isMigration({ path }: CompareRoute): boolean {
  return path.startsWith("/compare/migration/");
}

/** Where somebody came from as it is on screen, and as it will be; or the first two hosts. */
function nearest(
  route: CompareRoute,
  hosts: readonly HostSummary[],
  atS: number | null,
): CompareWish | null {
  const from = cameFrom(route);
  const [first, second] = hosts.map(({ host_id: hostId }) => ({
    hostId,
    pid: null,
    start: null,
    atS: null,
  }));
  if (from === null && first && second) return { a: first, b: second };
  const side = from ?? first;
  return side === undefined ? null : { a: { ...side, atS }, b: side };
}

export interface Asked {
  /** What came of this question, or while that is awaited of the one before: an answer, or why there is none. */
  readonly compared: Compared | null;
  readonly fault: string | null;
  /** Whether the answer is of this question. */
  readonly fresh: boolean;
  readonly busy: boolean;
  readonly again: () => void;
}

/** Asks about both sides, and again as the page moves in time; null: nothing can be asked yet. */
export function useAsked(store: Store, { a, b }: CompareWish): Asked | null {
  const played = usePlayedMoment(store);
  const atS = played.shown.value;
  const known = a !== null && b !== null && atS !== undefined;
  const [textA, textB] = known ? [sideText(a, atS), sideText(b, atS)] : ["", ""];
  const query = useMemo(() => (textA === "" ? null : { a: textA, b: textB }), [textA, textB]);
  const asked = useCompared(query);
  useLayoutEffect(() => {
    played.wait(query !== null && asked.busy);
  }, [played, query, asked.busy]);
  return query && asked;
}

function usePlayedMoment(store: Store): PlayedMoment {
  const [played] = useState(() => new PlayedMoment());
  useLayoutEffect(() => {
    const stop = store.time.state.subscribe((state) => {
      if (state) played.take(state.live ? null : state.at_s, !state.live && state.playing);
    });
    return () => {
      stop();
      played.stop();
    };
  }, [store, played]);
  return played;
}

function useCompared(query: CompareQuery | null): Asked {
  const inquiry = useMemo(
    () => new Inquiry<CompareQuery, Compared>((a, b) => a.a === b.a && a.b === b.b, askCompared),
    [],
  );
  const last = useRef<Pick<Asked, "compared" | "fault">>({ compared: null, fault: null });
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    inquiry.want(query, String(asked));
  }, [inquiry, query, asked]);
  useEffect(
    () => () => {
      inquiry.want(null);
    },
    [inquiry],
  );
  const { query: answered, detail, fault } = inquiry.answer.value;
  if (detail !== null || fault !== null) last.current = { compared: detail, fault };
  const current = answered?.a === query?.a && answered?.b === query?.b;
  return {
    ...last.current,
    fresh: current && detail !== null,
    busy: !current || (detail === null && fault === null),
    again: () => {
      setAsked(asked + 1);
    },
  };
}
