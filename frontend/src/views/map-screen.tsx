/** One mapping: its facts, its legend, its map. */
import type { JSX } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { address, addressRange, bytes, integer, NOTHING } from "../lib/format";
import { processTitle } from "../lib/process-title";
import { freshness } from "../state/freshness";
import * as maps from "../state/maps";
import { noticeOf, type Notice } from "../state/notice";
import { hostHash, type MapRoute } from "../state/route";
import { find } from "../state/selection";
import type { Store } from "../state/store";
import type { HostSummary, MappingInfo } from "../wire/types";
import { MapView } from "./map-view";
import { reportPart } from "./parts";
import type { DragMode } from "./plot-axes";
import { BackingWords } from "./backing-words";
import { SourceBanner } from "./source-banner";

/** The screen of the mapping that the route names. */
export function MapScreen(props: { readonly store: Store; readonly route: MapRoute }): JSX.Element {
  const { store, route } = props;
  useLayoutEffect(() => {
    store.useMaps(maps);
  }, [store]);
  const wanted = route.address;
  const overview = store.received.value?.overview ?? null;
  const host = overview?.hosts.find((candidate) => candidate.host_id === wanted.hostId) ?? null;
  const picture = store.picture.value;
  const notice = noticeFor(store, host);
  const found = overview && find(overview, wanted);
  // Where another mapping stands at the address by now, the facts stay those of the picture.
  const stale = picture !== null && found?.mapping.id !== picture.info.id;
  const info = stale ? picture.info : (found?.mapping ?? null);
  const process = host?.processes.find((candidate) => candidate.pid === wanted.pid);
  const [dragMode, setDragMode] = useState<DragMode>("zoom");
  return (
    <section
      class="map"
      aria-label="map of a mapping"
      data-testid="map"
      data-phase={store.selection.value.phase}
    >
      {host && <SourceBanner source={host.source} />}
      <h1>
        <span class="map-process">
          {process ? processTitle(process) : "process"} <span class="muted">pid {wanted.pid}</span>
        </span>{" "}
        <span class="mono">
          {info ? addressRange(info.start, info.end) : address(wanted.start)}
        </span>
      </h1>
      {info && <MappingFactsLine info={info} />}
      {host && <MappingReport store={store} host={host} route={route} />}
      {notice && <NoticeLine notice={notice} store={store} />}
      {picture && (
        <MapView key={picture.serial} {...{ store, picture, host, route, dragMode, setDragMode }} />
      )}
      {!picture && notice !== null && (
        <p class="hint">
          <a href={hostHash(wanted.hostId)}>All mappings of this host</a>
        </p>
      )}
    </section>
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
  const age = host && received && freshness(host, received.receivedAtMs, store.nowMs.value);
  return noticeOf({
    connection: store.connection.value,
    selection: store.selection.value,
    overview: received?.overview ?? null,
    host,
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
