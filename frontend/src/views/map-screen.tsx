/** One mapping: its facts, its legend, its map. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { address, addressRange, bytes, integer, NOTHING, percent } from "../lib/format";
import { ENTRIES, fullRange, rangeAround, type CellSpan } from "../lib/geometry";
import {
  COLOR_MODES,
  highestBucket,
  legendOf,
  paintsOf,
  stateLegend,
  type ColorMode,
} from "../lib/palette";
import { freshness } from "../state/freshness";
import { noticeOf, type Notice } from "../state/notice";
import type { Picture } from "../state/picture";
import { hostHash, mapHash, type Route } from "../state/route";
import { find } from "../state/selection";
import type { Store } from "../state/store";
import { theme } from "../state/theme";
import { PAGE_BYTES } from "../wire/generated";
import type { HostSummary, MappingInfo } from "../wire/types";
import { StateCounts, Swatch } from "./composition-bar";
import { Heatmap } from "./heatmap";
import type { HeatmapPanel } from "./heatmap-panel";
import { reportPanels } from "./lazy-panels";
import type { DragMode } from "./plot-axes";
import { BackingWords } from "./process-table";
import { Segmented } from "./segmented";
import { SourceBanner } from "./source-banner";

type MapRoute = Extract<Route, { readonly screen: "map" }>;

/** The screen of the mapping that the route names. */
export function MapScreen(props: { readonly store: Store; readonly route: MapRoute }): JSX.Element {
  const { store, route } = props;
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
          {process?.comm ?? "process"} <span class="muted">pid {wanted.pid}</span>
        </span>{" "}
        <span class="mono">
          {info ? addressRange(info.start, info.end) : address(wanted.start)}
        </span>
      </h1>
      {info && <MappingFactsLine info={info} />}
      {host && <MappingReport store={store} host={host} route={route} />}
      {notice && <NoticeLine notice={notice} store={store} />}
      {picture && (
        <PictureView
          key={picture.serial}
          store={store}
          picture={picture}
          host={host}
          route={route}
        />
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
  const panels = report && reportPanels();
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
    pictured: store.picture.value?.cells.complete === true,
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

const COLOR_LABELS: Readonly<Record<ColorMode, string>> = {
  state: "state",
  mapcount: "mapcount",
  mappers: "mappers",
  node: "node",
};

function PictureView(props: {
  readonly store: Store;
  readonly picture: Picture;
  readonly host: HostSummary | null;
  readonly route: MapRoute;
}): JSX.Element {
  const { store, picture, host, route } = props;
  const { color, cells } = route;
  const go = (mode: ColorMode, span: CellSpan | null): void => {
    window.location.replace(mapHash(picture.address, mode, span));
  };
  const [panel, setPanel] = useState<HeatmapPanel | null>(null);
  const [dragMode, setDragMode] = useState<DragMode>("zoom");
  const live = store.selection.value.phase === "live" && store.connection.value.phase === "live";
  const { geometry } = picture;
  const label = `${integer(geometry.cellCount)} cells in ${integer(geometry.rows)} page tables, coloured by ${COLOR_LABELS[color]}`;
  const panels = cells && reportPanels();
  const picked = host && cells && cells.first < geometry.cellCount ? cells.first : null;
  return (
    <>
      <Toolbar {...{ store, picture, panel, dragMode, setDragMode, route, go }} />
      <MapLegend store={store} picture={picture} color={color} />
      <div class="map-and-page">
        <div class={live && host?.link !== "gone" ? "map-box" : "map-box map-box-old"}>
          <Heatmap
            store={store}
            picture={picture}
            sight={host}
            label={label}
            dragMode={dragMode}
            onPanel={setPanel}
            cells={cells}
            select={(first) => {
              go(color, { first, count: 1 });
            }}
          />
        </div>
        {host && panels && picked !== null && (
          <panels.PagePanel
            key={picked}
            store={store}
            picture={picture}
            host={host}
            cell={picked}
            close={() => {
              go(color, null);
            }}
          />
        )}
      </div>
      <p class="keys" id="map-keys">
        Drag to zoom, shift-drag to pan, wheel to zoom, double-click for all. Arrow keys move a
        cell, PgUp and PgDn a table of {ENTRIES}, Esc leaves. Click or Enter asks who maps a cell.
      </p>
    </>
  );
}

function Toolbar(props: {
  readonly store: Store;
  readonly picture: Picture;
  readonly panel: HeatmapPanel | null;
  readonly dragMode: DragMode;
  readonly setDragMode: (mode: DragMode) => void;
  readonly route: MapRoute;
  readonly go: (mode: ColorMode, span: CellSpan | null) => void;
}): JSX.Element {
  const { store, picture, panel, route, go } = props;
  return (
    <div class="toolbar">
      <Segmented
        name="color"
        label="colour by"
        options={COLOR_MODES.map((mode) => [mode, COLOR_LABELS[mode]] as const)}
        value={route.color}
        choose={(mode) => {
          go(mode, route.cells);
        }}
      />
      <Segmented
        name="drag"
        label="drag to"
        options={[
          ["zoom", "zoom"],
          ["pan", "pan"],
        ]}
        value={props.dragMode}
        choose={props.setDragMode}
      />
      <RangeButtons panel={panel} picture={picture} cells={route.cells} />
      <Totals store={store} picture={picture} />
    </div>
  );
}

function RangeButtons(props: {
  readonly panel: HeatmapPanel | null;
  readonly picture: Picture;
  readonly cells: CellSpan | null;
}): JSX.Element {
  const { panel, picture, cells } = props;
  const { home } = panel?.plan ?? { home: fullRange(picture.geometry) };
  const fitted = home.x1 - home.x0 < ENTRIES;
  return (
    <span class="buttons">
      <button
        type="button"
        data-testid="zoom-home"
        onClick={() => {
          panel?.show(home);
        }}
      >
        {fitted ? "fit" : "reset zoom"}
      </button>
      {cells && (
        <button
          type="button"
          data-testid="zoom-cells"
          onClick={() => {
            panel?.show(rangeAround(picture.geometry, cells));
          }}
        >
          zoom to selected
        </button>
      )}
      {fitted && (
        <button
          type="button"
          data-testid="zoom-full"
          onClick={() => {
            panel?.show(fullRange(picture.geometry));
          }}
        >
          all {ENTRIES} entries
        </button>
      )}
    </span>
  );
}

function Totals(props: { readonly store: Store; readonly picture: Picture }): JSX.Element {
  const { store, picture } = props;
  store.followCells();
  const present = picture.cells.presentPages * PAGE_BYTES;
  const size = picture.info.end - picture.info.start;
  return (
    <dl class="totals">
      <div>
        <dt>present</dt>
        <dd data-testid="present">
          {bytes(present)} <span class="muted">{percent(present, size)}</span>
        </dd>
      </div>
      <div>
        <dt>changed cells/s</dt>
        <dd data-testid="change-rate">
          {integer(Math.round(picture.changes.perSecond(store.nowMs.value)))}
        </dd>
      </div>
    </dl>
  );
}

function MapLegend(props: {
  readonly store: Store;
  readonly picture: Picture;
  readonly color: ColorMode;
}): JSX.Element | null {
  const { store, picture, color } = props;
  store.followCells();
  if (!picture.cells.complete) return <p class="legend muted">Waiting for the first cells.</p>;
  const { painted, cells } = picture;
  const counts = painted.counts;
  const paints = paintsOf(color, theme.value, cells.pageSize, highestBucket(counts));
  const entries =
    color === "state" ? stateLegend(paints, counts, cells.stateCounts) : legendOf(paints, counts);
  return (
    <div class="legends">
      <ul class="legend" aria-label={`cells by ${COLOR_LABELS[color]}`} data-testid="legend">
        {entries.map((entry) => (
          <li key={entry.key} data-key={entry.key} data-count={entry.count}>
            <Swatch paint={entry} /> {entry.label} <b>{integer(entry.count)}</b>{" "}
            <span class="muted">{percent(entry.count, cells.cellCount)}</span>
          </li>
        ))}
      </ul>
      {color !== "state" && (
        <StateCounts counts={Array.from(cells.stateCounts)} pageSize={cells.pageSize} />
      )}
    </div>
  );
}
