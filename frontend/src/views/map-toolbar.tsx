/** What can be done with a map, as buttons: each has a key as well. */
import type { JSX } from "preact";
import { bytes, integer, percent } from "../lib/format";
import { ENTRIES, fullRange, rangeAround, type CellSpan } from "../lib/geometry";
import type { KeyAction } from "../lib/keys";
import { COLOR_MODES, type ColorMode } from "../lib/palette";
import type { Picture } from "../state/picture";
import { mapHash, type MapFields, type MapRoute } from "../state/route";
import type { Store } from "../state/store";
import { PAGE_BYTES } from "../wire/generated";
import type { HeatmapPanel } from "./heatmap-panel";
import type { DragMode } from "./plot-axes";
import { Segmented } from "./segmented";

export interface ToolbarProps {
  readonly store: Store;
  readonly picture: Picture;
  readonly panel: HeatmapPanel | null;
  readonly route: MapRoute;
  /** Entries that are selected. */
  readonly selected: CellSpan | null;
  readonly dragMode: DragMode;
  readonly setDragMode: (mode: DragMode) => void;
  readonly change: (fields: Partial<MapFields>) => void;
  readonly act: (action: KeyAction) => void;
}

/** Levels, colours, what dragging does, and buttons. */
export function MapToolbar(props: ToolbarProps): JSX.Element {
  const { store, picture, route, change } = props;
  return (
    <div class="toolbar">
      <LevelSwitch {...props} />
      {picture.level.kind !== "parts" && (
        <Segmented
          name="color"
          label="colour by"
          options={COLOR_MODES.map((mode: ColorMode) => [mode, mode] as const)}
          value={route.color}
          choose={(color) => {
            // Classes of one way to colour mean nothing in another.
            change({ color, show: null });
          }}
        />
      )}
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
      <ZoomButtons {...props} />
      <ActionButtons {...props} />
      <Totals store={store} picture={picture} />
    </div>
  );
}

/** The levels of the page tables; those inside of a page need a page. */
function LevelSwitch({ picture, route }: ToolbarProps): JSX.Element | null {
  const { levels, level } = picture;
  if (levels.length < 2) return null;
  const [firstParts] = levels.filter(({ kind }) => kind === "parts");
  return (
    <nav class="levels" aria-label="page-table level" data-testid="levels">
      {levels.map((one) => {
        const name = one.name.toUpperCase();
        const title = `${name}: an entry maps ${bytes(one.entryBytes)}`;
        const part = one === firstParts ? null : route.part;
        const inside = one.kind === "parts";
        if (inside && (route.cells === null || (one !== firstParts && part === null))) {
          const what = one === firstParts ? "a cell" : "a chunk";
          return (
            <span key={one.name} class="muted" title={`${title}; select ${what} first`}>
              {name}
            </span>
          );
        }
        const fields = { level: one.name, table: null, part: inside ? part : null, range: null };
        return (
          <a
            key={one.name}
            href={mapHash(route.address, { ...route, ...fields })}
            title={title}
            aria-current={one.name === level.name ? "true" : undefined}
          >
            {name}
          </a>
        );
      })}
    </nav>
  );
}

function ZoomButtons({ panel, picture, selected, act }: ToolbarProps): JSX.Element {
  const { geometry } = picture;
  const home = panel?.plan.home ?? fullRange(geometry);
  const fitted = home.x1 - home.x0 < ENTRIES;
  const zoom = (action: "zoom-in" | "zoom-out", words: string, sign: string): JSX.Element => (
    <button
      type="button"
      aria-label={words}
      onClick={() => {
        act(action);
      }}
    >
      {sign}
    </button>
  );
  return (
    <span class="buttons">
      {zoom("zoom-out", "zoom out", "−")}
      {zoom("zoom-in", "zoom in", "+")}
      <button type="button" data-testid="zoom-home" onClick={() => panel?.home()}>
        {fitted ? "fit" : "reset zoom"}
      </button>
      {selected && (
        <button
          type="button"
          data-testid="zoom-cells"
          onClick={() => panel?.show(rangeAround(geometry, selected))}
        >
          zoom to selected
        </button>
      )}
      {fitted && (
        <button
          type="button"
          data-testid="zoom-full"
          onClick={() => panel?.show(fullRange(geometry))}
        >
          all {ENTRIES} entries
        </button>
      )}
    </span>
  );
}

function ActionButtons({ store, route, act }: ToolbarProps): JSX.Element {
  const paused = store.paused.value;
  const button = (action: KeyAction, words: string, pressed?: boolean): JSX.Element => (
    <button
      type="button"
      data-testid={`do-${action}`}
      aria-pressed={pressed}
      onClick={() => {
        act(action);
      }}
    >
      {words}
    </button>
  );
  return (
    <span class="buttons">
      {button("previous-other", "‹ differing")}
      {button("next-other", "differing ›")}
      {button("next-changed", "changed ›")}
      {button("go-to", "go to…")}
      {button("pause", paused ? "resume" : "pause")}
      {button("extents", "extents", route.panel === "extents")}
      <a href={"#/compare" + location.hash.slice(1)}>compare…</a>
      {button("export", "export…")}
      {button("help", "keys")}
    </span>
  );
}

function Totals(props: { readonly store: Store; readonly picture: Picture }): JSX.Element {
  const { store, picture } = props;
  store.followCells();
  const { loaded, info, whole, level } = picture;
  const present = picture.presentPages * PAGE_BYTES;
  const inside = level.kind === "parts";
  const all = whole && picture.table === null && !inside;
  const size = all
    ? info.end - info.start
    : inside
      ? picture.geometry.cellCount * picture.geometry.pageSize
      : (loaded?.count ?? 0) * info.page_size;
  return (
    <dl class="totals">
      <div>
        <dt>{all ? "present" : inside ? "present here" : "present in view"}</dt>
        <dd data-testid="present">
          {bytes(present)} <span class="muted">{percent(present, size)}</span>
        </dd>
      </div>
      {!inside && (
        <div>
          <dt>
            changed {picture.items?.kind === "groups" ? "groups" : "cells"}/s{!all && " in view"}
          </dt>
          <dd data-testid="change-rate">
            {integer(Math.round(picture.changes.perSecond(store.time.paced(store.nowMs.value))))}
          </dd>
        </div>
      )}
    </dl>
  );
}
