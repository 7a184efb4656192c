/** The runs of equal cells of a mapping as a table: what the map shows, to be read, filtered and kept. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { extentsAsker, extentsCsvUrl } from "../backends/extents";
import {
  cellsInRange,
  filterOf,
  FLAGS,
  IN_SIGHT,
  pageOffset,
  ROWS,
  sameExtents,
  STATES,
  toggled,
  type ExtentQuery,
} from "../lib/extents";
import { integer } from "../lib/format";
import { clampRange, type CellSpan } from "../lib/geometry";
import { Inquiry } from "../state/inquiry";
import type { Picture } from "../state/picture";
import { latest, type MapFields, type MapRoute } from "../state/route";
import type { Store } from "../state/store";
import type { ExtentPage, HostSummary } from "../wire/types";
import { ExtentTable } from "./extent-table";

/** Changes come faster than a table can be read. */
const RENEW_MS = 1000;

export interface ExtentsProps {
  readonly store: Store;
  readonly picture: Picture;
  readonly host: HostSummary | null;
  readonly route: MapRoute;
  readonly change: (fields: Partial<MapFields>) => void;
  /** Whether it was opened just now, and takes the focus. */
  readonly fresh: boolean;
}

/** Renewed while it is open and the page is visible. */
export function ExtentsPanel(props: ExtentsProps): JSX.Element {
  const { store, picture, host, route, change, fresh } = props;
  const section = useRef<HTMLElement>(null);
  const [wanted, setOffset] = useState(0);
  const query = queryOf(props, wanted);
  const { page, fault, busy } = useExtents(store, host, query);
  const total = page?.total ?? 0;
  const turn = (pages: number): void => {
    setOffset(pageOffset(wanted, pages, total));
  };
  const close = (): void => {
    change({ panel: null });
  };
  useEffect(() => {
    if (!fresh) return;
    section.current?.scrollIntoView({ block: "start" });
    section.current?.focus({ preventScroll: true });
  }, [fresh]);
  // Where filtering or the host left fewer extents than were passed over.
  useEffect(() => {
    if (page !== null && wanted >= total) setOffset(pageOffset(wanted, 0, total));
  }, [page, wanted, total]);
  return (
    <section
      ref={section}
      class="extents"
      id="extents"
      tabIndex={-1}
      aria-labelledby="extents-title"
      data-testid="extents"
      onKeyDown={(event) => {
        if (onTableKey(event, turn, close)) event.preventDefault();
      }}
    >
      <Head {...{ store, query, total, close }} />
      <Filters
        by={route.by}
        choose={(word) => {
          setOffset(0);
          change({ by: toggled(latest(route).by, word) });
        }}
      />
      {fault !== null && (
        <p class="notice notice-gone" role="status" data-testid="extents-fault">
          {fault} {page && "What follows is what it said last."}
        </p>
      )}
      {page && (
        <>
          <ExtentTable page={page} picture={picture} sight={host} route={route} busy={busy} />
          <Pager page={page} turn={turn} />
        </>
      )}
    </section>
  );
}

function Head(props: {
  readonly store: Store;
  readonly query: ExtentQuery;
  readonly total: number;
  readonly close: () => void;
}): JSX.Element {
  return (
    <header>
      <h2 id="extents-title">Extents</h2>
      <a href={extentsCsvUrl(props.query, props.store.time)} download data-testid="extents-csv">
        CSV of {integer(props.total)}
      </a>
      <button type="button" aria-label="close extents" onClick={props.close}>
        ×
      </button>
    </header>
  );
}

function queryOf({ picture, route }: ExtentsProps, offset: number): ExtentQuery {
  const { states, flags, inSight } = filterOf(route.by);
  return {
    hostId: route.address.hostId,
    pid: route.address.pid,
    start: route.address.start,
    states,
    flags,
    cells: inSight ? cellsInSight(picture, route) : null,
    offset,
  };
}

/** Of which cells of the mapping the map shows something, on whatever level. */
function cellsInSight(picture: Picture, { range }: MapRoute): CellSpan | null {
  const entries = cellsInRange(
    picture.geometry,
    clampRange(range ?? picture.limits, picture.limits),
  );
  return entries && picture.spanOf(entries.first, entries.first + entries.count - 1);
}

interface Shown {
  /** Of this query, or of the one before until this one's answer comes. */
  readonly page: ExtentPage | null;
  readonly fault: string | null;
  readonly busy: boolean;
}

function useExtents(store: Store, host: HostSummary | null, query: ExtentQuery): Shown {
  const [inquiry] = useState(() => new Inquiry(sameExtents, extentsAsker(store.time)));
  const last = useRef<ExtentPage | null>(null);
  const { key, due } = useNews(store, host);
  const asked = JSON.stringify(query);
  useEffect(() => {
    if (due) inquiry.want(JSON.parse(asked) as ExtentQuery, key);
  }, [inquiry, asked, key, due]);
  useEffect(
    () => () => {
      inquiry.want(null);
    },
    [inquiry],
  );
  const { detail, fault } = inquiry.answer.value;
  last.current = detail ?? last.current;
  return { page: last.current, fault, busy: detail === null && fault === null };
}

/** Changes with what the host's agent sends, at most once a second, and not while nobody can see it. */
function useNews(
  store: Store,
  host: HostSummary | null,
): { readonly key: string; readonly due: boolean } {
  const nowMs = store.nowMs.value;
  const live = store.connection.value.phase === "live";
  const news = `${host?.epoch ?? ""}/${host?.seq ?? 0}/${live ? 1 : 0}`;
  const kept = useRef({ key: news, sinceMs: nowMs });
  if (news !== kept.current.key && nowMs - kept.current.sinceMs >= RENEW_MS && !document.hidden) {
    kept.current = { key: news, sinceMs: nowMs };
  }
  return { key: kept.current.key, due: live };
}

/** Whether the key meant something here. */
function onTableKey(
  event: KeyboardEvent & { readonly currentTarget: HTMLElement },
  turn: (pages: number) => void,
  close: () => void,
): boolean {
  const turns: Readonly<Record<string, number>> = { PageUp: -1, PageDown: 1 };
  const pages = turns[event.key];
  if (pages !== undefined) turn(pages);
  else if (event.key === "Escape") close();
  else if (event.key === "ArrowDown") toRow(event.currentTarget, 1);
  else if (event.key === "ArrowUp") toRow(event.currentTarget, -1);
  else return false;
  event.stopPropagation();
  return true;
}

/** Focus the row so many below the one that has the focus; from elsewhere the first. */
function toRow(section: HTMLElement, step: number): void {
  const links = [...section.querySelectorAll<HTMLElement>("tbody a")];
  const at = links.findIndex((link) => link === document.activeElement);
  links[at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + step))]?.focus();
}

function Filters(props: {
  readonly by: MapRoute["by"];
  readonly choose: (word: string) => void;
}): JSX.Element {
  const box = (word: string, words = word.replaceAll("_", " ")): JSX.Element => (
    <label key={word}>
      <input
        type="checkbox"
        checked={props.by?.includes(word) ?? false}
        data-testid={`by-${word}`}
        onChange={() => {
          props.choose(word);
        }}
      />{" "}
      {words}
    </label>
  );
  return (
    <div class="filters">
      <fieldset>
        <legend>only these states</legend>
        {STATES.map((state) => box(state))}
      </fieldset>
      <fieldset>
        <legend>with any of these flags</legend>
        {FLAGS.map((flag) => box(flag))}
      </fieldset>
      {box(IN_SIGHT, "only what is in sight on the map")}
    </div>
  );
}

function Pager(props: {
  readonly page: ExtentPage;
  readonly turn: (pages: number) => void;
}): JSX.Element | null {
  const { offset, total } = props.page;
  if (total <= ROWS && offset === 0) return null;
  const button = (words: string, pages: number, off: boolean): JSX.Element => (
    <button
      type="button"
      disabled={off}
      onClick={() => {
        props.turn(pages);
      }}
    >
      {words}
    </button>
  );
  const [first, last] = [offset === 0, offset + ROWS >= total];
  return (
    <nav class="buttons" aria-label="pages of extents" data-testid="extents-pager">
      {button("first", -Infinity, first)}
      {button("previous", -1, first)}
      {button("next", 1, last)}
      {button("last", Infinity, last)}
    </nav>
  );
}
