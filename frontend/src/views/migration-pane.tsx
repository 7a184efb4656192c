/** One end of a migration: its map, on the guest's own axis. */
import { useSignal, type Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { rangeAround, type CellRange, type CellSpan } from "../lib/geometry";
import { integer, percent } from "../lib/format";
import type { Linked } from "../state/linked";
import type { PaneStore } from "../state/migration-pane";
import { endWords, type Side } from "../state/migration-words";
import type { Picture } from "../state/picture";
import { CellState } from "../wire/generated";
import type { MigrationEnd } from "../wire/types";
import { CursorControl, type CursorActions } from "./cursor-control";
import { Heatmap } from "./heatmap";
import type { HeatmapPanel } from "./heatmap-panel";
import { leading, roomOf, useHandle, useLinkedCursor, type PaneHandles } from "./linked-pane";
import { MigrationMarks, type MarksProps } from "./migration-marks";
import type { DragMode } from "./plot-axes";

const ROOM = roomOf(200, 0.5);

export interface PaneProps {
  readonly side: Side;
  readonly end: MigrationEnd | null;
  /** null: this end maps the block no more, or is not known. */
  readonly pane: PaneStore | null;
  readonly pages: number;
  readonly linked: Linked<Side>;
  readonly dragMode: DragMode;
  readonly selected: CellSpan | null;
  readonly select: (cells: CellSpan) => void;
  readonly handles: PaneHandles<Side>;
  readonly marks: Pick<MarksProps, "arrivals" | "logged" | "dark">;
  /** Pages of this block that a fault waits for. */
  readonly darkCount: number;
  /** Registered with userfaultfd, in words; null: not at all. */
  readonly registered: string | null;
}

/** Head and map of one side. */
export function MigrationPane(props: PaneProps): JSX.Element {
  const { side, end, pane } = props;
  const picture = pane?.picture.value ?? null;
  const old = end === null || end.gone || pane?.selection.value.phase === "ended";
  const away = pane !== null && pane.connection.value.phase !== "live";
  return (
    <section class="mig-pane" aria-label={side} data-testid={`pane-${side}`} data-gone={old}>
      <PaneHead {...props} old={old} />
      <div class={`map-box${old ? " map-box-still map-box-old" : away ? " map-box-still" : ""}`}>
        {picture && pane ? (
          <PaneMap key={picture.serial} {...props} pane={pane} picture={picture} />
        ) : (
          <p class="mig-empty" data-testid={`empty-${side}`}>
            {emptyWords(props)}
          </p>
        )}
      </div>
    </section>
  );
}

function emptyWords({ side, end, pane }: PaneProps): string {
  if (end === null) return `The ${side} is not known.`;
  if (pane === null) return `The ${side} does not map this RAM any more.`;
  const { phase } = pane.connection.value;
  return phase === "live" ? "Waiting for the first cells." : "Waiting for the server.";
}

function PaneHead(props: PaneProps & { readonly old: boolean }): JSX.Element {
  const { side, end, pane, pages, registered, darkCount } = props;
  pane?.followCells();
  const picture = pane?.picture.value;
  const present = picture?.complete === true ? presentOf(picture) : null;
  return (
    <header class="mig-pane-head">
      <h2>{side}</h2>
      {end && (
        <span class="mig-end" title={endWords(end)}>
          {endWords(end)}
        </span>
      )}
      {props.old && end && (
        <span class="tag tag-late" data-testid={`gone-${side}`}>
          {end.gone ? "gone: last seen" : "ended: last seen"}
        </span>
      )}
      {registered !== null && (
        <span class="tag" title="VmFlags of this mapping" data-testid={`registered-${side}`}>
          {registered}
        </span>
      )}
      {darkCount > 0 && (
        <span class="tag mig-dark-tag" data-testid="dark-count">
          dark {integer(darkCount)}
        </span>
      )}
      <span class="mig-present" data-testid={`present-${side}`}>
        {present !== null && (
          <>
            <b>{integer(present)}</b> of {integer(pages)} present, {percent(present, pages)}
          </>
        )}
      </span>
    </header>
  );
}

/** Pages with anything in them. */
function presentOf(picture: Picture): number {
  return picture.stateCounts.reduce(
    (sum, count, state) =>
      state === CellState.HOLE || state === CellState.MARKER ? sum : sum + count,
    0,
  );
}

function PaneMap(
  props: PaneProps & { readonly pane: PaneStore; readonly picture: Picture },
): JSX.Element {
  const { side, end, pane, picture, linked, selected, marks } = props;
  const canvas = useRef<HTMLCanvasElement | null>(null);
  const panel = useRef<HeatmapPanel | null>(null);
  const range = useSignal<CellRange | null>(null);
  const focused = useSignal(false);
  const control = useControl(props, panel, canvas);
  const keeper = useMemo(() => linked.keeper(side), [linked, side]);
  useLinkedCursor(linked, side, control);
  useCursorEnd(linked, side, focused);
  return (
    <div {...leading(linked, side)}>
      <Heatmap
        store={pane}
        picture={picture}
        canvas={canvas}
        canvasId={`mig-cells-${side}`}
        dragMode={props.dragMode}
        range={range}
        focused={focused}
        keeper={keeper}
        roomOf={ROOM}
        label={`${side}${end ? `, ${endWords(end)}` : ""}: ${integer(props.pages)} pages of guest RAM`}
        onPanel={(made) => {
          panel.current = made;
          linked.join(side, made);
        }}
        handlers={control.handlers}
        marks={(on) => <MigrationMarks {...marks} {...{ side, linked, selected }} panel={on} />}
      />
    </div>
  );
}

/** The cursor of this side; what it does, it does to both. */
function useControl(
  props: PaneProps & { readonly picture: Picture },
  panel: { readonly current: HeatmapPanel | null },
  canvas: { readonly current: HTMLCanvasElement | null },
): CursorControl {
  const { side, picture, linked, handles } = props;
  const latest = useRef(props);
  latest.current = props;
  const control = useMemo(() => {
    const actions: CursorActions = {
      get selected() {
        return latest.current.selected;
      },
      select: (cells) => {
        latest.current.select(cells);
      },
      drill: (entry) => {
        linked.show(rangeAround(picture.geometry, { first: entry, count: 1 }));
      },
    };
    return new CursorControl({
      picture,
      canvas,
      actions,
      get panel() {
        return panel.current;
      },
    });
  }, [picture, canvas, panel, linked]);
  useHandle(handles, side, control, () => ({ control, canvas: canvas.current }));
  return control;
}

/** A cursor that was moved by keys goes with the focus. */
function useCursorEnd(linked: Linked<Side>, side: Side, focused: Signal<boolean>): void {
  useEffect(
    () =>
      focused.subscribe((has) => {
        const now = linked.cursor.peek();
        if (!has && now?.by === "keyboard" && now.side === side) linked.cursor.value = null;
      }),
    [linked, side, focused],
  );
}
