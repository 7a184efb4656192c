/** The page behind the selected cell: who maps it, how often, and by what entries. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { address, bytes, integer } from "../lib/format";
import { cellAddress } from "../lib/geometry";
import { fileWords, who } from "../lib/listings";
import { pageParts, stateNumber } from "../lib/parts";
import { reason, stateWords } from "../lib/words";
import type { Picture } from "../state/picture";
import type { Store } from "../state/store";
import type { HostSummary, PageDetail } from "../wire/types";
import { PlaceLink, useMore } from "./listing";
import { PartStrip } from "./part-strip";

export interface PagePanelProps {
  readonly store: Store;
  readonly picture: Picture;
  readonly host: HostSummary;
  readonly cell: number;
  readonly close: () => void;
}

/** Asks for the page while it is shown. */
export function PagePanel(props: PagePanelProps): JSX.Element {
  const { store, picture, cell, host } = props;
  const [part, setPart] = useState<number | null>(null);
  const { info, geometry } = picture;
  const { hostId, pid } = picture.address;
  const va = Math.max(info.start, cellAddress(geometry, cell));
  const seen = seenOf(store, picture, cell);
  useEffect(() => {
    store.page.want({ hostId, pid, address: va, part }, seen);
  }, [store, hostId, pid, va, part, seen]);
  useEffect(
    () => () => {
      store.page.want(null);
    },
    [store],
  );
  const { detail, fault } = store.page.answer.value;
  return (
    <aside class="page-panel" aria-label={`page of cell ${cell}`} data-testid="page">
      <h2>
        cell {integer(cell)}{" "}
        <button type="button" aria-label="close" onClick={props.close}>
          ×
        </button>
      </h2>
      <p class="mono">{address(va)}</p>
      {part !== null && (
        <p>
          inside chunk {integer(part)}{" "}
          <button
            type="button"
            onClick={() => {
              setPart(null);
            }}
          >
            whole page
          </button>
        </p>
      )}
      <div aria-live="polite">
        {fault !== null && (
          <p class="notice notice-gone" data-testid="page-fault">
            {fault}
          </p>
        )}
        {detail === null && fault === null && <p class="muted">Asking the host.</p>}
      </div>
      {detail !== null && <Detail detail={detail} host={host} drill={setPart} />}
    </aside>
  );
}

/** What the map shows of the cell: when it changes, the page is asked for again. */
function seenOf(store: Store, picture: Picture, cell: number): string {
  store.followCells();
  const { state, mappedPages, mapcount, mappers, flags, node } = picture.cells.columns;
  return [state, mappedPages, mapcount, mappers, flags, node]
    .map((column) => column[cell])
    .concat(store.selection.value.phase === "live" ? 1 : 0)
    .join();
}

function Detail(props: {
  readonly detail: PageDetail;
  readonly host: HostSummary;
  readonly drill: (part: number) => void;
}): JSX.Element {
  const { detail, host } = props;
  const parts = pageParts(detail);
  const state = stateNumber(detail.state);
  return (
    <>
      <p data-testid="page-state">{stateWords(state, detail.page_size)}</p>
      <Counts detail={detail} why={reason("mapcount", state, host)} />
      {detail.explanation.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      <dl class="facts">
        <Term term="mapped">
          {bytes(detail.mapped_bytes)} of {bytes(detail.page_size)}
        </Term>
        {detail.node !== null && <Term term="NUMA node">{detail.node}</Term>}
        {detail.flags.length > 0 && (
          <Term term="flags">{detail.flags.join(", ").replaceAll("_", " ")}</Term>
        )}
        {detail.file && <Term term="file">{fileWords(detail.file)}</Term>}
        {detail.file_offset !== null && (
          <Term term="file offset">{address(detail.file_offset)}</Term>
        )}
      </dl>
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
                {who(one)}{" "}
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
