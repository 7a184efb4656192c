/** What the views read: one store, fed by a backend. */
import { batch, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { ColorMode } from "../lib/palette";
import { decodeFrame, FrameError } from "../wire/frames";
import { FrameKind, PROTOCOL_VERSION } from "../wire/generated";
import type {
  FromViewer,
  HostReport,
  HostSummary,
  Overview,
  ReportMessage,
  Subscribed,
  ToViewer,
} from "../wire/types";
import type { Connection } from "./connection";
import { PageInquiry } from "./page";
import { Picture } from "./picture";
import { parseRoute, type Route } from "./route";
import { NOTHING_SELECTED, step, type Selection, type SelectionEvent } from "./selection";

/** The latest overview, and when it came on this page's monotonic clock. */
export interface ReceivedOverview {
  readonly overview: Overview;
  readonly receivedAtMs: number;
}

/** Milliseconds of the main thread. */
export interface Timings {
  /** Decoding and taking in the latest frame of cells. */
  applyMs: number;
  /** Drawing it. */
  drawMs: number;
  /** Both, summed over all updates that were drawn. */
  totalMs: number;
  /** Updates that were drawn; several frames may share one. */
  updates: number;
}

/** What draws the cells of the picture. */
export interface CellScreen {
  /** Draw soon, then call `drawn`. */
  scheduleDraw(drawn: () => void): void;
  /** Middle of an entry in CSS pixels of the window; null while it lies outside of the axes. */
  centerOf(row: number, column: number): { readonly x: number; readonly y: number } | null;
}

const CLOCK_PERIOD_MS = 250;

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
  readonly selection: Signal<Selection> = signal(NOTHING_SELECTED);
  readonly picture: Signal<Picture | null> = signal(null);
  /** `performance.now()`, four times a second: what ages are counted with. */
  readonly nowMs: ReadonlySignal<number>;
  readonly protocolFault: Signal<string | null> = signal(null);
  /** The page behind the selected cell. */
  readonly page = new PageInquiry();
  readonly timings: Timings = { applyMs: 0, drawMs: 0, totalMs: 0, updates: 0 };

  /** Sends a message; set by the backend while it is connected. */
  send: ((message: FromViewer) => void) | null = null;

  #screen: CellScreen | null = null;
  #cellsVersion: Signal<number> = signal(0);
  #clock: Signal<number> = signal(0);
  #countsShownMs = 0;
  /** Cells changed since counts were last shown. */
  #countsDue = false;
  #unacknowledged: number[] = [];

  constructor(hash: string) {
    this.nowMs = this.#clock;
    this.route = signal(parseRoute(hash));
  }

  /** What is known of this host beyond cells; null before this run of its agent sent it. */
  reportOf(host: HostSummary): HostReport | null {
    const message = this.reports.value.get(host.host_id);
    return message?.epoch === host.epoch ? message.report : null;
  }

  /** Draw the calling component anew as cells change, at most four times a second and always after the last change. */
  followCells(): number {
    return this.#cellsVersion.value;
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
      this.route.value = route;
      const address = route.screen === "map" ? route.address : null;
      this.#step({ type: "wanted", address });
      if (route.screen === "map") this.picture.value?.colorBy(route.color);
      if (this.selection.value.phase === "idle") this.picture.value = null;
      else if (!this.#pictureIsWanted()) this.picture.value = null;
    });
  }

  /**
   * Time passed; a tick just after a message is left out, as the message brought the time along. Counts that came too
   * soon after others wait for the next frame or, as none may come, for a tick.
   */
  onClock(nowMs: number): void {
    batch(() => {
      if (nowMs - this.#clock.peek() >= CLOCK_PERIOD_MS) this.#clock.value = nowMs;
      if (this.#countsDue) this.#showCounts(nowMs, false);
    });
  }

  /** The link to the server changed. */
  onConnection(connection: Connection): void {
    batch(() => {
      this.connection.value = connection;
      if (connection.phase !== "live") this.#step({ type: "disconnected" });
    });
  }

  /** A text message came. */
  onMessage(message: ToViewer, nowMs: number): void {
    batch(() => {
      this.#clock.value = nowMs;
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
        case "refusal":
          this.protocolFault.value = message.message;
          break;
      }
    });
  }

  /** A binary message came: cells of the mapping that was subscribed to last. */
  onFrame(data: ArrayBuffer, nowMs: number): void {
    const picture = this.picture.value;
    if (picture === null || this.selection.value.phase !== "live") return;
    const begin = performance.now();
    const frame = decodeFrame(data);
    if (frame.kind !== FrameKind.CELLS) {
      throw new FrameError("bad_kind", `a viewer was sent a frame of kind ${frame.kind}`);
    }
    const blocks = frame.blocks.filter((block) => block.mappingId === picture.info.id);
    picture.apply(blocks, frame.seq, nowMs);
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

  #step(event: SelectionEvent): void {
    const live = this.connection.value.phase === "live";
    const overview = live ? (this.received.value?.overview ?? null) : null;
    const { selection, send } = step(this.selection.value, event, overview);
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
    const { phase, wanted } = this.selection.value;
    this.#unacknowledged = [];
    if (phase !== "live" || wanted === null) return;
    const old = this.picture.value;
    if (old?.fits(wanted, message.mapping)) {
      old.info = message.mapping;
      return;
    }
    this.picture.value = new Picture(wanted, message.mapping, this.#color());
  }

  #color(): ColorMode {
    const route = this.route.value;
    return route.screen === "map" ? route.color : "state";
  }

  #pictureIsWanted(): boolean {
    const { wanted } = this.selection.value;
    const shown = this.picture.value?.address;
    return (
      wanted?.hostId === shown?.hostId &&
      wanted?.pid === shown?.pid &&
      wanted?.start === shown?.start
    );
  }

  /**
   * The server may send more only when this one was drawn; what nobody can see counts as drawn. Counts change in the
   * same animation frame as the cells: one frame costs less than two.
   */
  #acknowledgeAfterDrawing(seq: number, nowMs: number): void {
    this.#unacknowledged.push(seq);
    const finish = (): void => {
      for (const drawn of this.#unacknowledged) this.send?.({ type: "ack", seq: drawn });
      this.#unacknowledged = [];
      this.#showCounts(nowMs, seq === 1);
    };
    if (document.hidden || this.#screen === null) finish();
    else this.#screen.scheduleDraw(finish);
  }

  #showCounts(nowMs: number, atOnce: boolean): void {
    this.#countsDue = !atOnce && nowMs - this.#countsShownMs < CLOCK_PERIOD_MS;
    if (this.#countsDue) return;
    this.#countsShownMs = nowMs;
    this.#cellsVersion.value++;
  }
}
