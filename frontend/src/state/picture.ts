/** One level of a mapping on screen: its axes, what is loaded of it, its paints, and who has to know when they change. */
import {
  cellAt,
  columnOf,
  ENTRIES,
  fullRange,
  rowOf,
  type CellRange,
  type CellSpan,
  type TableGeometry,
} from "../lib/geometry";
import { entriesOf, itemAt } from "../lib/item-grid";
import { levelDown, levelsOf, levelUp, type Level, type LevelFields } from "../lib/levels";
import {
  highestBucket,
  paintsOf,
  shownPaints,
  type ColorMode,
  type Paints,
  type Theme,
} from "../lib/palette";
import { Rate } from "../lib/rate";
import { cellsOfRows, holds } from "../lib/view-choice";
import type { Frame } from "../wire/frames";
import type { MappingInfo, PageDetail, Viewed } from "../wire/types";
import type { CellRecords } from "./cell-records";
import { CellItems } from "./cells";
import type * as coarse from "./coarse";
import type { GroupItems } from "./groups";
import type { AnyItems } from "./items";
import { PaintedItems } from "./painted";
import type { MapAddress } from "./route";
import { axesOf, limitsOf, sameStretch, type Place } from "./viewing";

export type { Place } from "./viewing";

/** Told of items that changed; null: all of them, or the colours, or that other items are loaded. `quietly`: aged only. */
export type ItemListener = (changed: Uint32Array | null, quietly: boolean) => void;

let made = 0;

/** Everything that is drawn of one level of a mapping. */
export class Picture {
  /** No other picture of this page has it. */
  readonly serial = ++made;
  readonly levels: readonly Level[];
  /** The axes, in entries of the level. */
  readonly geometry: TableGeometry;
  /** What of the axes belongs to this picture. */
  readonly limits: CellRange;
  readonly changes = new Rate();
  info: MappingInfo;
  framesApplied = 0;
  lastSeq = 0;
  /** Why there is nothing of a page; null: nothing is wrong. */
  fault: string | null = null;
  /** What is shown; null before anything came. */
  painted: PaintedItems | null = null;
  /** What was subscribed to and has not come yet, or is of the page that is looked into. */
  #next: CellItems | GroupItems | null = null;
  #mode: ColorMode;
  #keys: readonly string[] | null;
  #listeners = new Set<ItemListener>();
  #nowMs = 0;

  constructor(
    readonly address: MapAddress,
    info: MappingInfo,
    readonly place: Place,
    mode: ColorMode,
    keys: readonly string[] | null = null,
  ) {
    this.info = info;
    this.levels = levelsOf(info);
    this.#mode = mode;
    this.#keys = keys;
    this.geometry = axesOf(info, place);
    this.limits = place.level.kind === "cells" ? limitsOf(info, place) : fullRange(this.geometry);
  }

  get level(): Level {
    return this.place.level;
  }

  get table(): number | null {
    return this.place.table;
  }

  get page(): Place["page"] {
    return this.place.page;
  }

  get items(): AnyItems | null {
    return this.painted?.items ?? null;
  }

  get complete(): boolean {
    return this.items?.complete === true;
  }

  get presentPages(): number {
    return this.items?.presentPages ?? 0;
  }

  /** Cells in view by `CellState`; of a page, its parts. */
  get stateCounts(): Uint32Array {
    return this.items?.stateCounts ?? new Uint32Array(0);
  }

  /** What is loaded; null: nothing yet. */
  get loaded(): Viewed | null {
    return this.items?.view ?? null;
  }

  /** Whether all of the picture is loaded. */
  get whole(): boolean {
    const { items, limits } = this;
    if (items === null) return false;
    if (this.level.kind !== "cells") return true;
    return holds(items.view, cellsOfRows(this.info, limits.y0, limits.y1));
  }

  /** Colour mode and filter in force; the parts of a page have states only. */
  get mode(): ColorMode {
    return this.level.kind === "parts" ? "state" : this.#mode;
  }

  get shown(): Uint8Array | null {
    return this.painted?.shown ?? null;
  }

  /** When something of it was last known to be so, on this page's clock. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** The server will send this from now on; `made` is what groups are made of, `askedShift` the grain asked for last. */
  expect(view: Viewed, made: typeof coarse | null = null, askedShift = view.shift): void {
    const { kind } = this.level;
    const { info } = this;
    this.#next = null;
    // An answer to what was asked before the level was left.
    if (kind === "tables" && view.shift !== 9) return;
    // Keys must not move by what is about to be told apart.
    if (this.items === null && view.shift > askedShift) return;
    if (kind === "parts" && (view.shift !== 0 || view.count !== 1)) return;
    // The same again, after a reconnect: changes show against what was there.
    if (kind !== "parts" && this.items !== null && sameStretch(this.items.view, view)) return;
    if (view.shift === 0) this.#next = this.makeCells(view);
    else if (made === null) throw new Error("groups before what they are made of");
    else this.#next = new made.GroupItems(view, info.page_size, info.start, kind === "tables");
  }

  /** Holds the cells of a view. */
  protected makeCells(view: Viewed): CellItems {
    return new CellItems(view, this.info.page_size, this.info.start);
  }

  /** Show what another picture of the same cells has loaded, until more comes. */
  inherit(other: Picture): void {
    const { items } = other;
    if (this.level.kind !== "cells" || other.level.kind !== "cells" || items === null) return;
    this.#next = other.#next;
    this.#show(items);
  }

  /** Take a frame in; the first after `expect` takes the place of what was shown. */
  apply(frame: Frame, nowMs: number): void {
    this.#nowMs = nowMs;
    const next = this.#next;
    const inside = this.level.kind === "parts";
    const into = next ?? (inside ? null : this.items);
    if (into === null) return;
    const first = !into.complete;
    const changed = into.apply(frame, this.info.id, nowMs / 1000);
    this.framesApplied++;
    this.lastSeq = frame.seq;
    this.changes.add(nowMs, first ? 0 : changed.length);
    if (inside) return;
    if (next?.complete === true) {
      this.#next = null;
      this.#show(next);
    } else if (next === null) {
      // The ages of all may be others after a reconnect, also where nothing else is.
      if (this.mode === "age" && tellsAges(frame)) this.painted?.repaint(nowMs / 1000);
      else this.painted?.update(changed, nowMs / 1000);
      this.#tell(first ? null : changed);
    }
  }

  /** The cell of the page that is looked into, as frames tell it; null before they do. */
  pageCell(): CellItems | null {
    return this.#next?.kind === "cells" && this.#next.complete ? this.#next : null;
  }

  /** The host's answer about the page that is looked into; `made` is what its parts are made of. */
  takeParts(
    detail: PageDetail | null,
    fault: string | null,
    nowMs: number,
    made: typeof coarse | null,
  ): void {
    const { page } = this.place;
    this.fault = fault;
    if (detail === null || page === null || made === null) return;
    this.#nowMs = nowMs;
    const { items } = this;
    if (items?.kind === "parts") {
      const changed = items.take(detail, nowMs / 1000);
      this.painted?.update(changed, nowMs / 1000);
      this.#tell(changed);
      return;
    }
    const parts = new made.PartItems(page.cell, this.geometry.cellCount);
    parts.take(detail, nowMs / 1000);
    this.#show(parts);
  }

  /** Time passed: colours by age follow. */
  grow(nowMs: number): boolean {
    this.#nowMs = nowMs;
    if (this.painted === null || this.mode !== "age") return false;
    const older = this.painted.grow(nowMs / 1000);
    if (older.length > 0) this.#tell(older, true);
    return older.length > 0;
  }

  /** Paint these items anew: what they are painted by is not in any frame. Null: all. */
  renew(items: Uint32Array | null): void {
    if (items === null) this.painted?.repaint(this.#nowMs / 1000);
    else this.painted?.update(items, this.#nowMs / 1000);
    this.#tell(items, true);
  }

  /** Paint by something else. */
  colorBy(mode: ColorMode): void {
    if (this.#mode === mode) return;
    this.#mode = mode;
    if (this.items !== null) this.#show(this.items);
  }

  /** Let these keys of the legend through; null: all. */
  showOnly(keys: readonly string[] | null): void {
    if (this.#keys?.join() === keys?.join()) return;
    this.#keys = keys;
    if (this.items !== null) this.#show(this.items);
  }

  /** Whether another look at a mapping can go on in this picture. */
  fits(address: MapAddress, info: MappingInfo): boolean {
    return (
      this.address.hostId === address.hostId &&
      this.address.pid === address.pid &&
      this.info.start === info.start &&
      this.info.page_size === info.page_size &&
      this.info.cell_count === info.cell_count
    );
  }

  /** Call `listener` at every change until the returned function is called. */
  listen(listener: ItemListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The item that shows an entry; -1: none is loaded. */
  itemOf(entry: number): number {
    const { geometry, items } = this;
    return items ? itemAt(items.grid, rowOf(geometry, entry), columnOf(geometry, entry)) : -1;
  }

  /** Paint at a row and column; -1 outside of the mapping, -2 where nothing is loaded. */
  paintAt(row: number, column: number): number {
    if (this.painted === null || cellAt(this.geometry, row, column) === null) return -1;
    const item = itemAt(this.painted.items.grid, row, column);
    return item < 0 ? -2 : (this.painted.paint[item] ?? -2);
  }

  /** Records that hold a cell, and its place in them; null where cells are not loaded one by one. */
  recordOf(cell: number): { readonly cells: CellRecords; readonly at: number } | null {
    const items = this.level.kind === "parts" ? this.pageCell() : this.items;
    if (items?.kind !== "cells") return null;
    const at = cell - items.view.first;
    return at >= 0 && at < items.view.count ? { cells: items.cells, at } : null;
  }

  /** The entries that are shown together with this one, itself included. */
  itemSpan(entry: number): CellSpan {
    const item = this.itemOf(entry);
    if (item < 0 || this.items === null) return { first: entry, count: 1 };
    return entriesOf(this.items.grid, this.geometry, item);
  }

  /** The entry that stands for a cell of the mapping. */
  entryOf(cell: number): number {
    const { kind } = this.level;
    if (kind === "cells") return cell;
    return kind === "parts" ? 0 : Math.floor((cell + this.#firstColumn()) / ENTRIES);
  }

  /** The cells of the mapping that an entry stands for. */
  cellsOf(entry: number): CellSpan {
    const { kind } = this.level;
    if (kind === "cells") return { first: entry, count: 1 };
    if (kind === "parts") return { first: this.page?.cell ?? 0, count: 1 };
    return this.tableCells(entry);
  }

  /** The cells in a page table of the mapping. */
  tableCells(table: number): CellSpan {
    const { first, count } = cellsOfRows(this.info, table, table + 1);
    return { first, count };
  }

  /** The cells from one entry to another. */
  spanOf(a: number, b: number): CellSpan {
    const [low, high] = [this.cellsOf(Math.min(a, b)), this.cellsOf(Math.max(a, b))];
    return { first: low.first, count: high.first + high.count - low.first };
  }

  /** Fields of a route to the level below, at this entry. */
  down(entry: number): Partial<LevelFields> | null {
    return levelDown(this.levels, this.level, entry);
  }

  /** Fields of a route to the level above. */
  up(fields: LevelFields): Partial<LevelFields> | null {
    return levelUp(this.levels, this.level, fields, (table) => this.tableCells(table));
  }

  /** Colours and words of what it is painted with. */
  paints(theme: Theme): Paints {
    const counted = this.mode === "mapcount" || this.mode === "mappers";
    const counts = counted ? this.painted?.counts : undefined;
    const { level, info } = this;
    const size = level.kind === "parts" ? level.entryBytes : info.page_size;
    return paintsOf(this.mode, theme, size, counts ? highestBucket(counts) : 1);
  }

  #show(items: AnyItems): void {
    const { mode } = this;
    const shown = shownPaints(mode, this.#keys, this.info.page_size);
    this.painted = new PaintedItems(items, mode, shown, this.#nowMs / 1000);
    this.#tell(null);
  }

  #firstColumn(): number {
    return Math.floor(this.info.start / this.info.page_size) % ENTRIES;
  }

  /** `quietly`: nothing changed but its age. */
  #tell(changed: Uint32Array | null, quietly = false): void {
    for (const listener of this.#listeners) listener(changed, quietly);
  }
}

/** Whether a frame is the first of its subscription. */
function tellsAges({ blocks, groups }: Frame): boolean {
  return [...blocks, ...groups].some(({ changedAgo }) => changedAgo !== null);
}
