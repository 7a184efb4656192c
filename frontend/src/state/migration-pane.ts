/**
 * One end of a migration as a store of its own: the mapping of one RAM block, moved to where the block is in the guest's
 * RAM, so that both ends have the same axes. It never touches the page's address.
 */
import { mix, rgb, sequential } from "../lib/color";
import { itemGrid, type ItemGrid } from "../lib/item-grid";
import { levelsOf, type LeveledMapping } from "../lib/levels";
import {
  MIGRATING,
  NO_PAGE,
  UNKNOWN,
  type ColorMode,
  type Paints,
  type Theme,
} from "../lib/palette";
import { CellState } from "../wire/generated";
import type {
  MappingInfo,
  MigrationBlock,
  MigrationEnd,
  Overview,
  ToViewer,
  View,
  Viewed,
} from "../wire/types";
import { CellItems } from "./cells";
import { maps } from "./maps";
import type { ArrivalLog } from "./migration-arrivals";
import { BEFORE, FIRST_CLASS, NOT_SEEN, ORDER_CLASSES } from "./migration-arrivals";
import type { MigrationFields } from "./migration-route";
import { Moment } from "./moment";
import { mapHash, type MapRoute } from "./route";
import { Store } from "./store";
import type { Place } from "./viewing";

const RATE_HZ = 20;
/** The narrowest and the widest row; powers of two, as ticks are. */
const [FEWEST, MOST] = [4, 512] as const;
/** Rows are that much longer than they are many, as panes are wider than high. */
const ASPECT = 1.5;

/** Pages in a row of both panes: the same on every screen, for the address says rows. */
export function pagesPerRow(pages: number): number {
  const power = Math.round(Math.log2(Math.sqrt(Math.max(1, pages) * ASPECT)));
  return Math.min(MOST, Math.max(FEWEST, 2 ** power));
}

/** The mapping as if it began where its block begins in the guest's RAM. */
export function moved<T extends MappingInfo>(mapping: T, offset: number): T {
  return { ...mapping, start: offset, end: offset + mapping.end - mapping.start };
}

/** What a pane shows. */
export interface PaneOf {
  readonly end: Pick<MigrationEnd, "host_id" | "pid">;
  readonly block: Pick<MigrationBlock, "offset" | "page_size" | "pages">;
  /** Number of the block in the log. */
  readonly number: number;
  /** Where the mapping truly begins. */
  readonly start: number;
  readonly log: ArrivalLog;
}

/** A store of one mapping, which sees nothing else of the host. */
export class PaneStore extends Store {
  readonly #stop: () => void;

  constructor(
    readonly of: PaneOf,
    fields: Pick<MigrationFields, "color" | "range">,
    time: Moment,
  ) {
    super(hashOf(of, fields), new Moment("", time));
    this.useMaps(mapsOf(of), () => undefined);
    this.onRoute(this.hash);
    this.#stop = of.log.listen((block, cells) => {
      const picture = this.picture.peek();
      if (block === of.number && picture?.mode === "age") picture.renew(cells);
    });
  }

  /** Forget the log. */
  destroy(): void {
    this.#stop();
  }

  /** Colour by this. */
  colorBy(color: MigrationFields["color"]): void {
    const route = this.route.peek();
    const range = route.screen === "map" ? route.range : null;
    this.onRoute(hashOf(this.of, { color, range }));
  }

  override onMessage(message: ToViewer, nowMs: number): void {
    const { start, block } = this.of;
    switch (message.type) {
      case "overview":
        super.onMessage(this.#restricted(message), nowMs);
        break;
      case "subscribed":
        if (message.mapping.start !== start) break;
        super.onMessage({ ...message, mapping: moved(message.mapping, block.offset) }, nowMs);
        break;
      case "welcome":
      case "ended":
      case "refusal":
        super.onMessage(message, nowMs);
        break;
      default:
    }
  }

  #restricted({ type, hosts }: Overview): Overview {
    const { end, start, block } = this.of;
    return {
      type,
      hosts: hosts.flatMap((host) => {
        if (host.host_id !== end.host_id) return [];
        const processes = host.processes.flatMap((process) => {
          if (process.pid !== end.pid) return [];
          const ours = process.mappings.filter(
            (one) => one.start === start && one.page_size === block.page_size,
          );
          return [{ ...process, mappings: ours.map((one) => moved(one, block.offset)) }];
        });
        return [{ ...host, processes }];
      }),
    };
  }
}

/** The order of arrivals is a kind of age, told by the log: pictures of panes are painted by it in that mode. */
function hashOf(
  { end, block }: PaneOf,
  { color, range }: Pick<MigrationFields, "color" | "range">,
): string {
  const address = { hostId: end.host_id, pid: end.pid, start: block.offset };
  return mapHash(address, { color: color === "arrival" ? "age" : "state", range });
}

/** What the store makes pictures of: all cells one by one, in rows of few. */
function mapsOf({ block, number, log }: PaneOf): typeof maps {
  const perRow = pagesPerRow(block.pages);

  class PaneViewing extends maps.Viewing {
    override placeOf(_route: MapRoute, mapping: LeveledMapping): Place {
      const level = levelsOf(mapping).find(({ kind }) => kind === "cells");
      if (level === undefined) throw new Error("a mapping has no level of cells");
      return { level, table: null, page: null, perRow };
    }

    override viewOf(
      mapping: LeveledMapping,
      _place: Place,
      _asked: unknown,
      paused: boolean,
    ): View {
      return { first: 0, count: mapping.cell_count, shift: 0, rate_hz: paused ? 0 : RATE_HZ };
    }
  }

  class PanePicture extends maps.Picture {
    override makeCells(view: Viewed): CellItems {
      return new PaneCells(view, this.info.page_size, this.info.start, perRow, (cell) =>
        log.classOf(number, cell),
      );
    }

    override paints(theme: Theme): Paints {
      const paints = super.paints(theme);
      return this.mode === "age" ? orderPaints(paints, theme) : paints;
    }

    /** What was read from the log does not age. */
    override grow(): boolean {
      return false;
    }
  }

  return { ...maps, Viewing: PaneViewing, Picture: PanePicture };
}

/** Cells that are painted by their class in the log. */
class PaneCells extends CellItems {
  override readonly grid: ItemGrid;

  constructor(
    view: Viewed,
    pageSize: number,
    start: number,
    perRow: number,
    private readonly classOf: (cell: number) => number,
  ) {
    super(view, pageSize, start);
    const first = (Math.floor(start / pageSize) % perRow) + view.first;
    this.grid = itemGrid(1, first, view.count, perRow);
  }

  override paint(mode: ColorMode, item: number, shown: Uint8Array | null, nowS: number): number {
    const own = super.paint(mode, item, shown, nowS);
    if (mode !== "age" || own >= MIGRATING) return own;
    const state = this.cells.state(item);
    if (state === CellState.HOLE || state === CellState.MARKER) return NO_PAGE;
    const order = this.classOf(this.view.first + item);
    return order === NOT_SEEN ? UNKNOWN : order;
  }
}

/** Colours and words of classes of order; the latest stands out most from the background. */
function orderPaints(paints: Paints, theme: Theme): Paints {
  const made = paints.slice(0, FIRST_CLASS).concat(Array(ORDER_CLASSES));
  made[BEFORE] = {
    key: "before",
    label: "came before the switch-over",
    color: mix(rgb("#8a94a3"), theme === "dark" ? [0, 0, 0] : [255, 255, 255], 0.35),
    pattern: "none",
  };
  for (let at = 0; at < ORDER_CLASSES; at++) {
    const share = at / (ORDER_CLASSES - 1);
    const color = sequential("viridis", theme === "dark" ? 0.2 + 0.8 * share : 0.95 * (1 - share));
    const label = `${at + 1} of ${ORDER_CLASSES} in order of arrival`;
    made[FIRST_CLASS + at] = { key: `order-${at + 1}`, label, color, pattern: "none" };
  }
  made[NO_PAGE] = paints[NO_PAGE];
  for (const kept of [UNKNOWN, MIGRATING, MIGRATING + 1]) made[kept] = paints[kept];
  made[UNKNOWN] &&= { ...made[UNKNOWN], label: "when it came is not known" };
  return made;
}
