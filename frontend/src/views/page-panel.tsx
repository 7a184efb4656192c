/**
 * What is selected: a cell, a range of them, or a part of a page. What the picture knows is there at once; of one cell
 * the host's agent is asked who maps it and by what entries.
 */
import type { ComponentChildren, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { itemFacts, type Fact } from "../lib/facts";
import { address, integer } from "../lib/format";
import { tableGeometry, type CellSpan } from "../lib/geometry";
import { pageParts, stateNumber } from "../lib/parts";
import { fileWords, who } from "../lib/ref-words";
import { reason } from "../lib/words";
import { factsOf, itemFactsOf, type ItemFacts } from "../state/item-facts";
import type { Picture } from "../state/picture";
import { spanFacts } from "../state/span-facts";
import type { Store } from "../state/store";
import type { HostSummary, PageDetail, ProcessRef } from "../wire/types";
import { entryTitle, FactList } from "./cell-tooltip";
import { PlaceLink, useMore } from "./listing";
import { PartStrip } from "./part-strip";

export interface PagePanelProps {
  readonly store: Store;
  readonly picture: Picture;
  readonly host: HostSummary | null;
  /** The cells that are selected; on a level inside of a page, that page. */
  readonly cells: CellSpan;
  /** The part of it that is picked. */
  readonly picked: number | null;
  /** Since when this page has been looking, on its clock. */
  readonly beganMs: number;
  /** Look inside; null where there is no inside. */
  readonly drill: (() => void) | null;
  /** Look into a chunk of the page. */
  readonly inside: (part: number) => void;
  readonly close: () => void;
}

/** The details drawer. */
export function PagePanel(props: PagePanelProps): JSX.Element {
  const { picture, host, cells, picked, drill, close } = props;
  const item = useItem(props);
  const facts = item === null ? [] : factList(props, item);
  const state = facts.find(({ key }) => key === "state");
  const hidden = host?.limits.find(({ capability }) => capability === "addresses");
  const among = cells.count === 1 && item?.kind === "group" && item.cells.count > 1;
  const others =
    cells.count > 1 &&
    item !== null &&
    (item.cells.first !== cells.first || item.cells.count !== cells.count);
  return (
    <aside class="page-panel" aria-label="details" data-testid="page">
      <header>
        <h2>{titleOf(props, among, item)}</h2>
        {drill && (
          <button type="button" data-testid="drill-down" onClick={drill}>
            look inside
          </button>
        )}
        {(picked !== null || picture.level.kind !== "parts") && (
          <button type="button" aria-label="close" onClick={close}>
            ×
          </button>
        )}
      </header>
      {item === null && <p class="muted">Nothing of it is loaded yet.</p>}
      {state && <p data-testid="page-state">{state.value}</p>}
      {among && <h3>of the {integer(item.cells.count)} cells shown together</h3>}
      {others && <h3>sums of what is loaded: {spanWords(item.cells)}</h3>}
      <FactList facts={facts.filter((fact) => fact !== state)} />
      {hidden && (
        <p class="muted" role="note" data-testid="hidden">
          {hidden.capability}: {hidden.reason}.
        </p>
      )}
      {among && host && <h3>of cell {integer(cells.first)}</h3>}
      {cells.count === 1 && host && (among || picture.level.kind !== "tables") && (
        <Answer {...props} host={host} />
      )}
    </aside>
  );
}

/** What the picture knows of the selection. */
function useItem({ store, picture, cells, picked }: PagePanelProps): ItemFacts | null {
  store.followCells();
  const nowMs = store.time.paced(store.nowMs.value);
  if (picked !== null) return factsOf(picture, picked, nowMs);
  if (picture.level.kind === "parts") {
    const items = picture.pageCell();
    const at = items ? cells.first - items.view.first : -1;
    return items && at >= 0 ? itemFactsOf(items, at, cells, nowMs / 1000) : null;
  }
  const one = factsOf(picture, picture.entryOf(cells.first), nowMs);
  if (one?.cells.first === cells.first && one.cells.count === cells.count) return one;
  return spanFacts(picture, cells, nowMs);
}

function factList(props: PagePanelProps, item: ItemFacts): Fact[] {
  const { store, picture, host, picked, cells, beganMs } = props;
  const { info, level } = picture;
  // Of a page that is looked into, where it is among the cells.
  const above = level.kind === "parts" && picked === null;
  const geometry = above
    ? tableGeometry(info.start, info.page_size, info.cell_count)
    : picture.geometry;
  const entry = picked ?? (above ? cells.first : picture.entryOf(cells.first));
  const watchedS = (store.time.paced(store.nowMs.value) - beganMs) / 1000;
  return itemFacts({ info, geometry, entry, item, sight: host, watchedS });
}

/** `among`: only shown as a part of others. */
function titleOf(
  { picture, cells, picked }: PagePanelProps,
  among: boolean,
  item: ItemFacts | null,
): string {
  if (picked !== null && item?.kind === "part") return entryTitle(picture, picked);
  const { first, count } = cells;
  const alone = `cell ${integer(first)}`;
  if (among) return `${alone}, shown in ${entryTitle(picture, picture.entryOf(first))}`;
  if (count === 1) return alone;
  const words = spanWords(cells);
  const one = picture.entryOf(first) === picture.entryOf(first + count - 1);
  return picture.level.kind === "tables" && one
    ? `${entryTitle(picture, picture.entryOf(first))}: ${words}`
    : words;
}

function spanWords({ first, count }: CellSpan): string {
  return `cells ${integer(first)} to ${integer(first + count - 1)} (${integer(count)})`;
}

/** Asks for the page while it is shown. */
function Answer(props: PagePanelProps & { readonly host: HostSummary }): JSX.Element {
  const { store, picture, cells, host } = props;
  const cell = cells.first;
  const { info } = picture;
  const { hostId, pid } = picture.address;
  const begins = (Math.floor(info.start / info.page_size) + cell) * info.page_size;
  const va = Math.max(info.start, begins);
  const seen = seenOf(store, picture, cell);
  useEffect(() => {
    store.page.want({ hostId, pid, address: va, part: null }, seen);
  }, [store, hostId, pid, va, seen]);
  useEffect(
    () => () => {
      store.page.want(null);
    },
    [store],
  );
  const { detail, fault } = store.page.answer.value;
  return (
    <>
      <div aria-live="polite">
        {fault !== null && (
          <p class="notice notice-gone" data-testid="page-fault">
            {fault}
          </p>
        )}
        {detail === null && fault === null && <p class="muted">Asking the host.</p>}
      </div>
      {detail !== null && <Detail detail={detail} host={host} drill={props.inside} />}
    </>
  );
}

/** What the map shows of the cell: when it changes, the page is asked for again. */
function seenOf(store: Store, picture: Picture, cell: number): string {
  store.followCells();
  const found = picture.recordOf(cell);
  const live = store.selection.value.phase === "live" ? 1 : 0;
  if (found === null) return `${picture.framesApplied}/${live}`;
  const { cells, at } = found;
  const counts = [cells.mappedPages(at), cells.mapcount(at), cells.mappers(at)];
  return [cells.kind(at), ...counts, live].join();
}

function Detail(props: {
  readonly detail: PageDetail;
  readonly host: HostSummary;
  readonly drill: (part: number) => void;
}): JSX.Element {
  const { detail, host } = props;
  const parts = pageParts(detail);
  return (
    <>
      <Counts detail={detail} why={reason("mapcount", stateNumber(detail.state), host)} />
      {detail.explanation.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      {detail.file && (
        <dl class="fact-list">
          <Term term="file">{fileWords(detail.file)}</Term>
        </dl>
      )}
      <MapperTable detail={detail} host={host} />
      {parts && <PartStrip parts={parts} drill={props.drill} />}
    </>
  );
}

/** The three ways to count who maps a page, side by side; one reason where there is none of them. */
function Counts(props: { readonly detail: PageDetail; readonly why: string }): JSX.Element {
  const { mapcount, mappers, processes } = props.detail;
  if (mapcount === null && mappers === null && processes === null) {
    return <p class="unknown">mapcount and mappers unknown ({props.why})</p>;
  }
  const counts = { "mapcount (kernel)": mapcount, mappers, processes };
  return (
    <dl class="counts" data-testid="page-counts">
      {Object.entries(counts).map(([term, count]) => (
        <Term key={term} term={term}>
          {count === null ? <span class="unknown">unknown</span> : integer(count)}
        </Term>
      ))}
    </dl>
  );
}

function Term(props: { readonly term: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    <div>
      <dt>{props.term}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

function MapperTable(props: {
  readonly detail: PageDetail;
  readonly host: HostSummary;
}): JSX.Element | null {
  const { mapped_by: mappers } = props.detail;
  const [shown, more] = useMore(mappers ?? []);
  if (mappers === null && props.detail.mapped_bytes > 0) {
    return <p class="unknown">Who maps it cannot be told: pages cannot be joined here.</p>;
  }
  if (!mappers?.length) return null;
  return (
    <>
      <table data-testid="mapped-by">
        <thead>
          <tr>
            <th scope="col">mapped by</th>
            <th scope="col">at</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((one) => (
            <tr key={`${one.pid}/${one.address}`}>
              <td>
                {nameOf(one, props.host)}{" "}
                <span class="muted">
                  {one.shared ? "shared" : "private"}
                  {one.shared_table && ", shared page table"}
                </span>
              </td>
              <td class="mono">
                <PlaceLink host={props.host} place={{ ...one, at: one.address }}>
                  {address(one.address)}
                </PlaceLink>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {more}
    </>
  );
}

/** A virtual machine by what people call it. */
function nameOf(one: ProcessRef, host: HostSummary): string {
  const process = host.processes.find(({ pid }) => pid === one.pid);
  return who({ pid: one.pid, comm: process?.name?.name ?? one.comm });
}
