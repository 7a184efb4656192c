/** What the views read: one store, fed by a backend. */
import { batch, signal, type Signal } from "@preact/signals";
import type { CellRange } from "../lib/geometry";
import { FrameError } from "../wire/frame-error";
import { FrameKind, PROTOCOL_VERSION } from "../wire/generated";
import type {
  FromViewer,
  HostReport,
  HostSummary,
  MappingInfo,
  MigrationSummary,
  ReportMessage,
  Subscribed,
  ToViewer,
  View,
} from "../wire/types";
import type { CellScreen, Timings } from "./cell-screen";
import type { Connection } from "./connection";
import type * as coarse from "./coarse";
import type { Followed } from "./follow";
import type { Migrating } from "./migration";
import { Moment } from "./moment";
import { Pace, type ReceivedOverview } from "./pace";
import { PageInquiry, partsQuery } from "./page";
import type { maps } from "./maps";
import type { Picture } from "./picture";
import { parseRoute, sameAddress, type MapRoute, type Route } from "./route";
import { NOTHING_SELECTED, step, type Selection, type SelectionEvent } from "./selection";
import type { Viewing } from "./viewing";

/** How often colours by age follow time, and the parts of a page are asked for again. */
const RENEW_MS = 1000;

/** Holds all state; the backend calls its `on...` methods, the views read its signals. */
export class Store {
  readonly connection: Signal<Connection> = signal({
    phase: "connecting",
    attempt: 0,
    lostAtMs: null,
  });
  readonly received: Signal<ReceivedOverview | null> = signal(null);
  /** The latest report of each host that sent one. */
  readonly reports: Signal<ReadonlyMap<string, ReportMessage>> = signal(new Map());
  readonly route: Signal<Route>;
  /** The address that the route is of. */
  hash: string;
  readonly selection: Signal<Selection> = signal(NOTHING_SELECTED);
  readonly picture: Signal<Picture | null> = signal(null);
  #pace = new Pace();
  /** `performance.now()`, four times a second. */
  readonly nowMs = this.#pace.clock;
  readonly protocolFault: Signal<string | null> = signal(null);
  /** Thumbnails and statistics of hosts in sight. */
  followed: Followed | null = null;
  /** The page behind the selected cell. */
  readonly page = new PageInquiry();
  /** The page that the map looks into. */
  readonly parts = new PageInquiry();
  /** Whether the picture is held as it is. */
  readonly paused: Signal<boolean> = signal(false);
  /** All migrations that the server knows. */
  readonly migrations: Signal<readonly MigrationSummary[]> = signal([]);
  /** The one on screen. */
  migrating: Migrating | null = null;
  readonly timings: Timings = { applyMs: 0, drawMs: 0, totalMs: 0, updates: 0 };

  /** Sends a message; set by the backend while it is connected. */
  send: ((message: FromViewer) => void) | null = null;

  #screen: CellScreen | null = null;
  #unacknowledged: number[] = [];
  #maps: typeof maps | null = null;
  #viewing: Viewing | null = null;
  #coarse: typeof coarse | null = null;
  #loadCoarse: (() => void) | null = null;
  #renewedMs = 0;

  constructor(
    hash: string,
    readonly time = new Moment(""),
  ) {
    this.hash = hash;
    this.route = signal(parseRoute(hash));
    this.parts.answer.subscribe(({ detail, fault }) => {
      const nowMs = time.paced(performance.now());
      this.picture.peek()?.takeParts(detail, fault, nowMs, this.#coarse);
      this.#pace.showCells();
    });
  }

  /** What is known of this host beyond cells; null before this run of its agent sent it. */
  reportOf(host: HostSummary): HostReport | null {
    const message = this.reports.value.get(host.host_id);
    return message?.epoch === host.epoch ? message.report : null;
  }

  /** Draw the calling component anew as cells change, at most four times a second and always after the last change. */
  followCells(): number {
    return this.#pace.cells;
  }

  /**
   * There is a map to show, with these. Only from now on is a mapping asked for; what is more than single cells only
   * after `useCoarse`, for which `loadCoarse` is called once.
   */
  useMaps(loaded: typeof maps, loadCoarse: () => void): void {
    if (this.#maps !== null) return;
    this.#maps = loaded;
    this.#loadCoarse = loadCoarse;
    this.#viewing = new loaded.Viewing();
    const route = this.route.peek();
    if (route.screen === "map") this.#viewing.seen = route.range;
    batch(() => {
      this.#look();
    });
  }

  /** Groups of cells and the parts of a page can be shown from now on. */
  useCoarse(loaded: typeof coarse): void {
    this.#coarse = loaded;
    batch(() => {
      this.#look();
      this.#aim();
      this.#askForParts(this.nowMs.peek());
    });
  }

  /** Draw frames on this screen until the returned function is called. */
  showOn(screen: CellScreen): () => void {
    this.#screen = screen;
    return () => {
      if (this.#screen === screen) this.#screen = null;
    };
  }

  /** Where the cells are drawn; null while no map is on screen. */
  get screen(): CellScreen | null {
    return this.#screen;
  }

  /** The location changed. */
  onRoute(hash: string): void {
    batch(() => {
      const route = parseRoute(hash);
      this.hash = hash;
      this.route.value = route;
      const address = route.screen === "map" ? route.address : null;
      const another = !sameAddress(address, this.selection.value.wanted);
      if (route.screen === "map" && another && this.#viewing) this.#viewing.seen = route.range;
      this.#step({ type: "wanted", address });
      const shown = this.picture.value?.address ?? null;
      if (!sameAddress(this.selection.value.wanted, shown)) this.picture.value = null;
      if (route.screen === "map") this.#follow(route);
      else this.paused.value = false;
      this.#askForParts(this.nowMs.peek());
    });
  }

  /** The panel shows this part of the picture, on so many device pixels. */
  look(seen: CellRange, width: number, height: number): void {
    if (this.#viewing === null) return;
    this.#viewing.seen = seen;
    this.#viewing.plot = { width, height };
    batch(() => {
      this.#aim();
    });
  }

  /** Hold the picture as it is, or let it go on. */
  pause(on: boolean): void {
    batch(() => {
      this.paused.value = on;
      this.#aim();
    });
  }

  /** Time passed. */
  onClock(nowMs: number): void {
    batch(() => {
      if (this.#pace.overdue(nowMs)) this.#release();
      this.#pace.tick(nowMs);
      if (nowMs - this.#renewedMs < RENEW_MS) return;
      this.#renewedMs = nowMs;
      this.#renew(nowMs);
    });
  }

  /** The link to the server changed. */
  onConnection(connection: Connection): void {
    batch(() => {
      this.#release();
      this.connection.value = connection;
      this.followed?.onLive(connection.phase === "live");
      if (connection.phase !== "live") this.#step({ type: "disconnected" });
    });
  }

  /** A text message came. While cells come, an overview waits until numbers are shown, to save an animation frame. */
  onMessage(message: ToViewer, nowMs: number): void {
    if (message.type === "overview" && this.#screen !== null && !document.hidden) {
      if (this.#pace.hold({ overview: message, receivedAtMs: nowMs })) return;
    }
    batch(() => {
      this.#release();
      this.#pace.message(nowMs);
      switch (message.type) {
        case "welcome":
          this.#welcome(message.protocol, message.server_version, message.server_epoch);
          break;
        case "overview":
          this.received.value = { overview: message, receivedAtMs: nowMs };
          this.#step({ type: "overview", overview: message });
          break;
        case "report":
          this.reports.value = new Map(this.reports.value).set(message.host_id, message);
          break;
        case "subscribed":
          this.#subscribed(message);
          break;
        case "ended":
          this.#step({ type: "ended", message });
          break;
        case "thumbnails":
          this.followed?.onThumbnails(message);
          break;
        case "statistics":
          this.followed?.onStatistics(message);
          break;
        case "migrations":
          this.migrations.value = message.migrations;
          break;
        case "migration":
        case "migration_missing":
          this.migrating?.onMessage(message, nowMs);
          break;
        case "refusal":
          this.protocolFault.value = message.message;
          break;
      }
    });
  }

  /** A binary message came: cells of the mapping that was subscribed to last. */
  onFrame(data: ArrayBuffer, nowMs: number): void {
    const picture = this.picture.value;
    if (this.#maps === null || picture === null || this.selection.value.phase !== "live") return;
    const begin = performance.now();
    const frame = this.#maps.decodeFrame(data, this.#coarse?.decodeGroups);
    if (frame.kind !== FrameKind.CELLS && frame.kind !== FrameKind.GROUPS) {
      throw new FrameError("bad_kind", `a viewer was sent a frame of kind ${frame.kind}`);
    }
    picture.apply(frame, this.time.paced(nowMs));
    this.#pace.frame(nowMs);
    this.timings.applyMs = performance.now() - begin;
    this.timings.totalMs += this.timings.applyMs;
    this.#acknowledgeAfterDrawing(frame.seq, nowMs);
  }

  /** The user wants whatever is at the address now, though it is not what was there before. */
  adopt(): void {
    batch(() => {
      this.picture.value = null;
      this.#step({ type: "adopt" });
    });
  }

  /** Take the overview in that waits. */
  #release(): void {
    const held = this.#pace.release();
    if (held === null) return;
    this.received.value = held;
    this.#step({ type: "overview", overview: held.overview });
  }

  /** Look for what is wanted in the overview that is here. */
  #look(): void {
    const overview = this.received.peek()?.overview;
    if (overview) this.#step({ type: "overview", overview });
  }

  #step(event: SelectionEvent): void {
    const ready = this.connection.value.phase === "live" && this.#maps !== null;
    // Nothing can be made of an answer yet.
    if (this.#maps === null && event.type === "overview") return;
    const overview = ready ? (this.received.value?.overview ?? null) : null;
    const { selection, send } = step(this.selection.value, event, overview, (mapping) =>
      this.#viewOf(mapping),
    );
    this.selection.value = selection;
    if (send !== null) this.send?.(send);
  }

  #welcome(protocol: number, serverVersion: string, serverEpoch: string): void {
    this.protocolFault.value =
      protocol === PROTOCOL_VERSION
        ? null
        : `This page speaks protocol ${PROTOCOL_VERSION}, the server ${protocol}: reload the page.`;
    this.onConnection({ phase: "live", serverVersion, serverEpoch });
  }

  #subscribed(message: Subscribed): void {
    this.#step({ type: "subscribed", message });
    const { phase, wanted, view } = this.selection.value;
    this.#unacknowledged = [];
    if (phase !== "live" || wanted === null) return;
    this.#picture(message.mapping)?.expect(message.view, this.#coarse, view?.shift);
    // The mapping may have grown since it was asked for.
    this.#aim();
    this.#askForParts(this.nowMs.peek());
  }

  /** The picture of a mapping as the route has it: the one on screen as long as it fits. */
  #picture(mapping: MappingInfo): Picture | null {
    const route = this.route.value;
    const [made, viewing] = [this.#maps, this.#viewing];
    if (route.screen !== "map" || made === null || viewing === null) return null;
    const old = this.picture.value;
    const place = viewing.placeOf(route, mapping);
    const fits = old?.fits(route.address, mapping) === true;
    if (fits) old.info = mapping;
    if (fits && made.samePlace(old.place, place)) return old;
    const picture = new made.Picture(route.address, mapping, place, route.color, route.show);
    if (fits) picture.inherit(old);
    viewing.seen = route.range;
    this.picture.value = picture;
    return picture;
  }

  /** Go where the route leads within the mapping on screen. */
  #follow(route: MapRoute): void {
    const old = this.picture.value;
    if (old === null) return;
    const picture = this.#picture(old.info);
    picture?.colorBy(route.color);
    picture?.showOnly(route.show);
    this.#aim();
  }

  /** Ask for what is to be seen now, if that is something else than before. */
  #aim(): void {
    const picture = this.picture.value;
    const view = picture && this.#viewOf(picture.info);
    if (view !== null) this.#step({ type: "view", view });
  }

  /** What to ask for of a mapping; null: nothing before there is what shows it. */
  #viewOf(mapping: MappingInfo): View | null {
    const route = this.route.value;
    const [made, viewing] = [this.#maps, this.#viewing];
    if (route.screen !== "map" || made === null || viewing === null) {
      throw new Error("no map is wanted");
    }
    const picture = this.picture.value;
    const shown = picture?.fits(route.address, mapping) === true ? picture : null;
    const place = shown?.place ?? viewing.placeOf(route, mapping);
    const asked = shown && made.stretchOf(this.selection.value.view);
    const view = viewing.viewOf(mapping, place, asked, this.paused.value);
    return this.#canShow(place.level.kind !== "cells" || view.shift !== 0) ? view : null;
  }

  #canShow(coarse: boolean): boolean {
    if (!coarse || this.#coarse !== null) return true;
    this.#loadCoarse?.();
    this.#loadCoarse = null;
    return false;
  }

  /** Once a second, while the page is looked at. */
  #renew(nowMs: number): void {
    if (document.hidden || this.paused.value) return;
    this.#askForParts(nowMs);
    if (this.picture.value?.grow(this.time.paced(nowMs)) === true) this.#pace.changed();
  }

  #askForParts(nowMs: number): void {
    const picture = this.picture.value;
    const { phase } = this.selection.value;
    if (picture?.page == null) {
      if (this.parts.answer.peek().query !== null) this.parts.want(null);
      return;
    }
    if (!this.#canShow(true)) return;
    const seen = [picture.framesApplied, phase, Math.floor(nowMs / RENEW_MS)].join();
    this.parts.want(partsQuery(picture, picture.page), seen);
  }

  /** The server may send more only when this one was drawn; what nobody can see counts as drawn. */
  #acknowledgeAfterDrawing(seq: number, nowMs: number): void {
    this.#unacknowledged.push(seq);
    const finish = (): void => {
      for (const drawn of this.#unacknowledged) this.send?.({ type: "ack", seq: drawn });
      this.#unacknowledged = [];
      batch(() => {
        if (this.#pace.drawn(nowMs, seq === 1)) this.#release();
      });
    };
    if (document.hidden || this.#screen === null) finish();
    else this.#screen.scheduleDraw(finish);
  }
}
