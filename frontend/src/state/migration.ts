/** The migration on screen: what the server tells of it, its points and its log of arrivals. */
import { effect, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { FromViewer, MigrationMissing, MigrationPoint, MigrationState } from "../wire/types";
import type { Connection } from "./connection";
import { ArrivalLog } from "./migration-arrivals";
import { sameWish, type MigrationWish } from "./migration-route";
import { isOver, type Side } from "./migration-words";
import type { Moment } from "./moment";
import type { Store } from "./store";

/** Fetches records of the log from `since` on. */
export type AskArrivals = (id: string, since: number, signal: AbortSignal) => Promise<ArrayBuffer>;

/** Who follows: a store. */
interface Follower {
  migrating: Migrating | null;
  readonly connection: ReadonlySignal<Connection>;
  readonly nowMs: ReadonlySignal<number>;
  readonly time: Pick<Moment, "atS" | "paced" | "receivedMs">;
  readonly send: ((message: FromViewer) => void) | null;
}

/** The state, and when it came on the clock of what is shown. */
export interface Received {
  readonly state: MigrationState;
  readonly pacedMs: number;
}

const MAX_POINTS = 1200;

/** Follows one migration until it is told to stop. */
export class Migrating {
  readonly received: Signal<Received | null> = signal(null);
  readonly points: Signal<readonly MigrationPoint[]> = signal([]);
  readonly missing: Signal<MigrationMissing | null> = signal(null);
  readonly log: Signal<ArrivalLog> = signal(new ArrivalLog([]));
  /** What of the log is here; changes with each part that comes. */
  readonly logged: Signal<number> = signal(0);
  /** Why no more of the log came; null: nothing is wrong with it. */
  readonly trouble: Signal<string | null> = signal(null);
  /** What draws each end; for tests and the console. */
  readonly panes: Partial<Record<Side, Store | undefined>> = {};
  #wish: MigrationWish | null = null;
  #asking: AbortController | null = null;
  /** Whether the log may be another one, though it has as many entries. */
  #doubt = false;
  #pointPacedMs = 0;
  #stop: () => void;

  constructor(
    private readonly store: Follower,
    private readonly ask: AskArrivals,
  ) {
    store.migrating = this;
    this.#stop = effect(() => {
      if (store.connection.value.phase === "live" && this.#wish !== null) this.#follow();
    });
  }

  /** Follow this one; null: none. */
  want(wish: MigrationWish | null): void {
    if (sameWish(wish, this.#wish)) return;
    this.#wish = wish;
    this.received.value = this.missing.value = null;
    this.points.value = [];
    this.#restart([]);
    this.#follow();
  }

  /** Stop for good. */
  destroy(): void {
    this.#stop();
    this.want(null);
    if (this.store.migrating === this) this.store.migrating = null;
  }

  /** The server told something of the migration that is followed. */
  onMessage(message: MigrationState | MigrationMissing, nowMs: number): void {
    if (this.#wish === null) return;
    if (message.type === "migration_missing") {
      this.missing.value = message;
      this.received.value = null;
      return;
    }
    // Another one may have been asked for since.
    if (this.#wish.id !== null && message.summary.id !== this.#wish.id) return;
    const before = this.received.peek()?.state.summary.id;
    const points = message.begins ? message.points : [...this.points.peek(), ...message.points];
    const pacedMs = this.store.time.paced(nowMs);
    if (message.points.length > 0) this.#pointPacedMs = pacedMs;
    const pages = message.blocks.map((block) => block.pages);
    const resized = pages.join() !== this.log.peek().pages.join();
    if (before !== message.summary.id || resized) this.#restart(pages);
    this.#doubt ||= message.begins && before !== undefined;
    this.missing.value = null;
    this.points.value = points.slice(-MAX_POINTS);
    this.received.value = { state: message, pacedMs };
    void this.#fetch();
  }

  /** The log, for who is drawn anew with each part of it. */
  get read(): ArrivalLog {
    return this.logged.value >= 0 ? this.log.value : this.log.peek();
  }

  /** Arrivals of the log, by how they came. */
  get counts(): ArrivalLog["counts"] {
    return this.read.counts;
  }

  /** Seconds since the state came; 0 when nothing goes on any more. */
  agoS(nowMs: number): number {
    const received = this.received.value;
    if (received === null || ended(received.state)) return 0;
    return this.#sinceS(received.pacedMs, nowMs);
  }

  /** About what time it is at the server, in seconds since 1970, or was when it saw pages last; null: nothing tells. */
  serverS(nowMs: number): number | null {
    const last = this.points.value.at(-1);
    if (last === undefined) return null;
    if (this.received.value?.state.summary.destination?.gone === true) return last.at_s;
    const { time } = this.store;
    if (time.atS !== null) return time.atS + this.#sinceS(time.paced(time.receivedMs), nowMs);
    return last.at_s + this.#sinceS(this.#pointPacedMs, nowMs);
  }

  /** Seconds of the time that is shown, which may stand, while there was a server to tell of them. */
  #sinceS(pacedMs: number, nowMs: number): number {
    const link = this.store.connection.value;
    const until = ("lostAtMs" in link ? link.lostAtMs : null) ?? nowMs;
    return Math.max(0, this.store.time.paced(until) - pacedMs) / 1000;
  }

  #follow(): void {
    if (this.store.connection.peek().phase !== "live") return;
    const { id = null, pair = null } = this.#wish ?? {};
    this.store.send?.({ type: "follow_migration", id, pair });
  }

  #restart(pages: readonly number[]): void {
    this.#asking?.abort();
    this.#asking = null;
    const log = this.log.peek();
    if (pages.join() === log.pages.join()) log.clear();
    else this.log.value = new ArrivalLog(pages);
    this.logged.value = 0;
    this.trouble.value = null;
  }

  /** One question at a time, until all of the log is here. What fails is tried again with the next state. */
  async #fetch(): Promise<void> {
    if (this.#asking !== null) return;
    const asking = (this.#asking = new AbortController());
    try {
      while (await this.#fetchPart(asking.signal));
      if (this.#asking === asking) this.trouble.value = null;
    } catch (error) {
      if (this.#asking === asking) this.trouble.value = String(error);
    } finally {
      if (this.#asking === asking) this.#asking = null;
    }
  }

  /** Whether there is more. What was seen just now is held back for a moment by the server. */
  async #fetchPart(signal: AbortSignal): Promise<boolean> {
    const log = this.log.peek();
    const state = this.received.peek()?.state;
    const before = log.next;
    // A state may be older than what is here; whether the log is another one its answer says.
    if (state === undefined || (before === state.arrivals && !this.#doubt)) return false;
    this.#doubt = false;
    const data = await this.ask(state.summary.id, before, signal);
    if (signal.aborted) return false;
    const another = !log.take(data);
    if (another) log.clear();
    this.logged.value = log.next;
    return another || log.next > before;
  }
}

/** Whether a migration is over, however it ended. */
export function ended({ summary }: Pick<MigrationState, "summary">): boolean {
  return isOver(summary.phase);
}
