/** Both ends side by side, with one range, one cursor and one selection. */
import type { JSX } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { LiveBackend, viewerUrl } from "../backends/live";
import { sameRange, type CellRange } from "../lib/geometry";
import type { KeyAction } from "../lib/keys";
import type { Migrating } from "../state/migration";
import { Linked } from "../state/linked";
import { PaneStore } from "../state/migration-pane";
import {
  migrationHash,
  parseMigration,
  type MigrationAddress,
  type MigrationFields,
} from "../state/migration-route";
import { SIDES, type Side } from "../state/migration-words";
import { parseRoute } from "../state/route";
import { find } from "../state/selection";
import type { Store } from "../state/store";
import type { Limit, MigrationState } from "../wire/types";
import { moveBoth, useLinkedKeys, type PaneHandle, type PaneHandles } from "./linked-pane";
import { MigrationBar } from "./migration-bar";
import { MigrationLegend } from "./migration-legend";
import type { DarkPage } from "./migration-marks";
import { MigrationPane } from "./migration-pane";
import { MigrationReadout } from "./migration-readout";
import type { DragMode } from "./plot-axes";

const ADDRESS_AFTER_MS = 300;
export interface PanesProps {
  readonly store: Store;
  readonly migrating: Migrating;
  readonly asked: MigrationAddress;
  readonly state: MigrationState;
  /** Of the destination's host. */
  readonly limits: readonly Limit[];
}

/** Tools, maps, legend, and what is known of the page that is looked at. */
export function MigrationPanes(props: PanesProps): JSX.Element {
  const { store, migrating, asked, state, limits } = props;
  const number = asked.block < state.blocks.length ? asked.block : 0;
  const block = state.blocks[number];
  const [linked] = useState(
    () => new Linked<Side>(asked.range, (then) => requestAnimationFrame(then), "destination"),
  );
  const [handles] = useState((): PaneHandles<Side> => ({}));
  const [dragMode, setDragMode] = useState<DragMode>("zoom");
  useRangeInAddress(linked, asked);
  const source = usePane(props, "source", number);
  const destination = usePane(props, "destination", number);
  const panes = { source, destination };
  const keyed = useCallback(
    (action: KeyAction, key: string) => {
      const handle = handles[linked.leader] ?? handles.source ?? handles.destination;
      return act(action, key, linked, handle);
    },
    [linked, handles],
  );
  useLinkedKeys(SIDES, linked, handles, keyed);
  if (block === undefined) return <p class="hint">No RAM block is known yet.</p>;
  const { summary } = state;
  const dark = darkOf(migrating, store.nowMs.value, number);
  // Of all that are dark only the first are told one by one.
  const darkCount = state.blocks.length > 1 ? dark.length : state.dark;
  return (
    <div class="mig-maps">
      <MigrationBar {...{ state, asked, change, linked, dragMode, setDragMode, number }} />
      <div class="mig-panes">
        {SIDES.map((side) => (
          <MigrationPane
            key={`${side}/${number}`}
            side={side}
            end={summary[side]}
            pane={panes[side]}
            pages={block.pages}
            linked={linked}
            dragMode={dragMode}
            selected={asked.cells}
            handles={handles}
            registered={registeredOf(props, side, number)}
            select={(cells) => {
              change({ cells });
            }}
            marks={{
              arrivals:
                side === "destination" ? (migrating.log.value.blocks[number] ?? null) : null,
              logged: migrating.logged.value,
              dark: side === "destination" ? dark : [],
            }}
            darkCount={side === "destination" ? darkCount : 0}
          />
        ))}
      </div>
      <MigrationLegend {...{ migrating, panes, asked, state, limits, dark: darkCount }} />
      <MigrationReadout {...{ migrating, panes, asked, state, linked, number }} />
    </div>
  );
}

/** What the address asks for now: what is drawn may lag behind it. */
function addressed(): MigrationAddress | null {
  const route = parseRoute(window.location.hash);
  return route.screen === "migration" ? parseMigration(route) : null;
}

/** Changes the address without a step in the history. */
function change(fields: Partial<MigrationFields>): void {
  const now = addressed();
  if (now) window.location.replace(migrationHash(now, { ...now, ...fields }));
}

/** The zoomed range stands in the address, and follows it. */
function useRangeInAddress(linked: Linked<Side>, asked: MigrationAddress): void {
  const written = useRef(asked.range);
  const { range } = asked;
  useEffect(() => {
    if (same(range, written.current)) return;
    written.current = range;
    linked.show(range);
  }, [linked, range]);
  useEffect(() => {
    let timer = 0;
    const stop = linked.range.subscribe((now) => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => {
        if (same(now, written.current)) return;
        written.current = now;
        change({ range: now });
      }, ADDRESS_AFTER_MS);
    });
    return () => {
      window.clearTimeout(timer);
      stop();
    };
  }, [linked]);
}

function same(a: CellRange | null, b: CellRange | null): boolean {
  return a === null || b === null ? a === b : sameRange(a, b, 0.02);
}

/** A store with a socket of its own for one side of a block; it stays when the mapping goes. */
function usePane(
  { store, migrating, asked, state }: PanesProps,
  side: Side,
  number: number,
): PaneStore | null {
  const block = state.blocks[number];
  const end = state.summary[side];
  const start = block?.[`${side}_start`] ?? null;
  const log = migrating.log.value;
  const known = useRef<{ readonly of: string; readonly start: number } | null>(null);
  const of = `${end?.host_id ?? ""}/${end?.pid ?? ""}/${number}`;
  if (start !== null) known.current = { of, start };
  else if (known.current?.of !== of) known.current = null;
  const begin = known.current?.start ?? null;
  const [pane, setPane] = useState<PaneStore | null>(null);
  useEffect(() => {
    if (end === null || block === undefined || begin === null) {
      setPane(null);
      return undefined;
    }
    const { color, range } = asked;
    const made = new PaneStore(
      { end, block, number, start: begin, log },
      { color, range },
      store.time,
    );
    const stop = new LiveBackend(made, viewerUrl(document.baseURI)).start();
    migrating.panes[side] = made;
    setPane(made);
    return () => {
      stop();
      made.destroy();
      if (migrating.panes[side] === made) migrating.panes[side] = undefined;
    };
    // Of end and block only these make another pane.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [store, migrating, side, of, begin, block?.offset, block?.pages, block?.page_size, log]);
  // The order is one of arrivals: at the source there are none.
  const color = side === "destination" ? asked.color : "state";
  useLayoutEffect(() => {
    pane?.colorBy(color);
  }, [pane, color]);
  return pane;
}

/** Pages of this block that a fault was seen on and that have not come, longest first, counted on. */
function darkOf(migrating: Migrating, nowMs: number, number: number): DarkPage[] {
  const state = migrating.received.value?.state;
  const agoS = migrating.agoS(nowMs);
  const still = (state?.demanded ?? []).filter(
    ({ block, arrived_s }) => block === number && arrived_s === null,
  );
  return still.map(({ cell, stalled_s }) => ({
    cell,
    forS: stalled_s === null ? null : stalled_s + agoS,
  }));
}

/** How the kernel has this side's mapping registered with userfaultfd. */
function registeredOf({ store, state }: PanesProps, side: Side, number: number): string | null {
  const overview = store.received.value?.overview;
  const end = state.summary[side];
  const start = state.blocks[number]?.[`${side}_start`] ?? null;
  if (!overview || end === null || start === null) return null;
  const flags = find(overview, { hostId: end.host_id, pid: end.pid, start })?.mapping.vm_flags;
  const words = [
    flags?.includes("um") && "um: missing faults",
    flags?.includes("ui") && "ui: minor faults",
  ].filter(Boolean);
  return words.length === 0 ? null : words.join(", ");
}

/** Keys that mean something here. */
function act(
  action: KeyAction,
  key: string,
  linked: Linked<Side>,
  handle: PaneHandle | undefined,
): boolean {
  const control = handle?.control;
  switch (action) {
    case "move":
    case "extend":
      return control?.move(key, action === "extend") ?? false;
    case "enter":
      return control?.enter() ?? false;
    case "back":
      if (addressed()?.cells) change({ cells: null });
      else if (control) control.cursor.value = null;
      return true;
    case "color":
      if (key !== "1" && key !== "2") return false;
      change({ color: key === "1" ? "state" : "arrival" });
      return true;
    default:
      return moveBoth(linked, action, key);
  }
}
