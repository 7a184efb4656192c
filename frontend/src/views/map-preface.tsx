/** What is said of a mapping above its map: its facts, its report, and why the picture is not simply live. */
import type { JSX } from "preact";
import { address, bytes, integer, NOTHING } from "../lib/format";
import { freshness } from "../state/freshness";
import { noticeOf, type Notice } from "../state/notice";
import { hostHash, type MapRoute } from "../state/route";
import type { Store } from "../state/store";
import type { HostSummary, MappingInfo } from "../wire/types";
import { BackingWords } from "./backing-words";
import { reportPart } from "./parts";

/** Above the map. */
export function MapPreface(props: {
  readonly store: Store;
  readonly host: HostSummary | null;
  readonly route: MapRoute;
  readonly info: MappingInfo | null;
}): JSX.Element {
  const { store, host, route, info } = props;
  const notice = noticeFor(store, host);
  return (
    <>
      {info && <MappingFactsLine info={info} />}
      {host && <MappingReport store={store} host={host} route={route} />}
      {notice && <NoticeLine notice={notice} store={store} />}
      {store.picture.value === null && notice !== null && (
        <p class="hint">
          <a href={hostHash(route.address.hostId)}>All mappings of this host</a>
        </p>
      )}
    </>
  );
}

/** What the host's report says of the mapping, once there is one. */
function MappingReport(props: {
  readonly store: Store;
  readonly host: HostSummary;
  readonly route: MapRoute;
}): JSX.Element | null {
  const report = props.store.reportOf(props.host);
  const panels = report && reportPart();
  if (!panels) return null;
  return <panels.MappingPanel host={props.host} report={report} address={props.route.address} />;
}

function noticeFor(store: Store, host: HostSummary | null): Notice | null {
  const received = store.received.value;
  const receivedMs = received?.receivedAtMs ?? 0;
  const nowMs = store.time.agedMs(receivedMs, store.nowMs.value);
  const age = host && received && freshness(host, receivedMs, nowMs);
  return noticeOf({
    connection: store.connection.value,
    selection: store.selection.value,
    overview: received?.overview ?? null,
    host,
    past: store.time.atS !== null,
    pictured: store.picture.value?.complete === true,
    ageS: age?.ageS ?? null,
  });
}

function NoticeLine(props: { readonly notice: Notice; readonly store: Store }): JSX.Element {
  const { tone, text, other } = props.notice;
  return (
    <p class={`notice notice-${tone}`} role="status" data-testid="notice" data-tone={tone}>
      {text}{" "}
      {other && (
        <button
          type="button"
          onClick={() => {
            props.store.adopt();
          }}
        >
          Show the one that is there now
        </button>
      )}
    </p>
  );
}

function MappingFactsLine({ info }: { readonly info: MappingInfo }): JSX.Element {
  const { backing, level_bytes: level } = info;
  const size = (count: number | null): string => (count === null ? NOTHING : bytes(count));
  const file = backing.kind !== "anonymous";
  return (
    <dl class="facts facts-line" data-testid="mapping-facts">
      <Fact term="size">{bytes(info.end - info.start)}</Fact>
      <Fact term="pages">
        {integer(info.cell_count)} × {bytes(info.page_size)}
      </Fact>
      <Fact term="backing">
        <BackingWords backing={backing} shared={info.shared} />
      </Fact>
      {file && <Fact term="inode">{backing.inode === null ? NOTHING : String(backing.inode)}</Fact>}
      {file && <Fact term="file offset">{address(backing.offset)}</Fact>}
      <Fact term="mapped by PUD / PMD / PTE">
        {size(level.pud)} / {size(level.pmd)} / {size(level.pte)}
      </Fact>
      <Fact term="VmFlags">
        <span class="mono">{info.vm_flags === null ? NOTHING : info.vm_flags.join(" ")}</span>
      </Fact>
    </dl>
  );
}

function Fact(props: { readonly term: string; readonly children: unknown }): JSX.Element {
  return (
    <div>
      <dt>{props.term}</dt>
      <dd>{props.children as JSX.Element}</dd>
    </div>
  );
}
