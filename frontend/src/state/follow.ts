/**
 * What the page follows beside the map: thumbnails of mappings in sight, and how hosts went lately.
 *
 * Views say what they show and stop saying it when they go; the server is told when that changes, and again after each
 * reconnect. A hidden page follows nothing: the server keeps the points and sends them all when it is looked at again.
 */
import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { MAX_THUMBS } from "../wire/generated";
import type {
  FollowedHost,
  FromViewer,
  Histograms,
  Point,
  Statistics,
  Thumbnails,
} from "../wire/types";
import type { Connection } from "./connection";

/** Who follows: a store. */
interface Follower {
  followed: Followed | null;
  readonly connection: ReadonlySignal<Connection>;
  readonly send: ((message: FromViewer) => void) | null;
}

/** What a page follows, from the first time that a view asks for it. */
export function followedOf(store: Follower): Followed {
  if (store.followed === null) {
    store.followed = new Followed((message) => store.send?.(message));
    store.followed.onLive(store.connection.peek().phase === "live");
  }
  return store.followed;
}

const MAX_HOSTS = 4;
const MAX_POINTS = 600;
/** Scrolling changes what is in sight many times a second. */
const SETTLE_MS = 100;

/** A mapping, small: one `CellState` a pixel, in address order. */
export interface SmallPicture {
  /** Neighbouring cells a pixel; the last may have fewer. */
  readonly cells: number;
  readonly states: Uint8Array;
}

/** How a host went, oldest first. */
export interface History {
  readonly points: readonly Point[];
  readonly histograms: Histograms;
}

interface Watched {
  readonly hostId: string;
  /** Of the host: its mapping ids mean nothing in another one. */
  readonly epoch: string;
  readonly mappingId: number;
  readonly show: (thumb: SmallPicture | null) => void;
}

interface Kept {
  readonly epoch: string;
  readonly thumbs: Map<number, SmallPicture>;
}

/** Keeps what is followed, and what came of it. */
export class Followed {
  #watched = new Set<Watched>();
  #statistics = new Map<string, number>();
  #kept = new Map<string, Kept>();
  #histories = new Map<string, Signal<History | null>>();
  /** What the server was told last, with epochs; null: nothing on this connection. */
  #told: string | null = null;
  #live = false;
  #hidden = false;
  #due = false;

  constructor(
    private readonly send: (message: FromViewer) => void,
    /** Calls back once things have settled. */
    private readonly soon: (then: () => void) => void = (then) => {
      setTimeout(then, SETTLE_MS);
    },
  ) {}

  /** Call `show` with this mapping's thumbnail, and with each that follows, until the returned function is called. */
  watchThumb(
    hostId: string,
    epoch: string,
    mappingId: number,
    show: (thumb: SmallPicture | null) => void,
  ): () => void {
    const watched = { hostId, epoch, mappingId, show };
    this.#watched.add(watched);
    const kept = this.#kept.get(hostId);
    if (kept?.epoch === epoch) show(kept.thumbs.get(mappingId) ?? null);
    this.#settle();
    return () => {
      this.#watched.delete(watched);
      const now = this.#kept.get(hostId);
      // What is not followed grows old unseen.
      if (now?.epoch === epoch) now.thumbs.delete(mappingId);
      this.#settle();
    };
  }

  /** Follow this host's statistics until the returned function is called. */
  watchStatistics(hostId: string): () => void {
    this.#statistics.set(hostId, (this.#statistics.get(hostId) ?? 0) + 1);
    this.#settle();
    return () => {
      const left = (this.#statistics.get(hostId) ?? 1) - 1;
      if (left > 0) this.#statistics.set(hostId, left);
      else this.#statistics.delete(hostId);
      this.#settle();
    };
  }

  /** How a host went; null until the server told. */
  historyOf(hostId: string): ReadonlySignal<History | null> {
    return this.#history(hostId);
  }

  /** The link to the server came or went. */
  onLive(live: boolean): void {
    this.#live = live;
    this.#told = null;
    if (live) this.#tell();
  }

  /** The page is looked at, or is not. */
  onHidden(hidden: boolean): void {
    this.#hidden = hidden;
    this.#tell();
  }

  /** New thumbnails of a host. */
  onThumbnails(message: Thumbnails): void {
    const { host_id: hostId, epoch } = message;
    let kept = this.#kept.get(hostId);
    if (kept?.epoch !== epoch) this.#kept.set(hostId, (kept = { epoch, thumbs: new Map() }));
    for (const thumb of message.thumbs) {
      kept.thumbs.set(thumb.mapping_id, { cells: thumb.cells, states: decoded(thumb.states) });
    }
    for (const watched of this.#watched) {
      if (watched.hostId !== hostId || watched.epoch !== epoch) continue;
      if (message.thumbs.some((thumb) => thumb.mapping_id === watched.mappingId)) {
        watched.show(kept.thumbs.get(watched.mappingId) ?? null);
      }
    }
  }

  /** What came after the points that are here, or all there are. */
  onStatistics(message: Statistics): void {
    const history = this.#history(message.host_id);
    const before = message.begins ? [] : (history.peek()?.points ?? []);
    history.value = {
      points: [...before, ...message.points].slice(-MAX_POINTS),
      histograms: message.histograms,
    };
  }

  #history(hostId: string): Signal<History | null> {
    let history = this.#histories.get(hostId);
    if (!history) this.#histories.set(hostId, (history = signal<History | null>(null)));
    return history;
  }

  #settle(): void {
    if (this.#due) return;
    this.#due = true;
    this.soon(() => {
      this.#due = false;
      this.#tell();
    });
  }

  #tell(): void {
    if (!this.#live) return;
    const [hosts, epochs] = this.#hidden ? [[], []] : this.#wishes();
    const wish = JSON.stringify([hosts, epochs]);
    if (wish === (this.#told ?? "[[],[]]")) return;
    this.#told = wish;
    this.send({ type: "follow", hosts });
  }

  /** What to follow, hosts in the order of their ids, with the epoch of each; of more than may be, the latest. */
  #wishes(): readonly [hosts: FollowedHost[], epochs: string[]] {
    const latest = [...this.#watched].slice(-MAX_THUMBS);
    const ids = new Set([...this.#statistics.keys(), ...latest.map((one) => one.hostId)]);
    const shown = [...ids].slice(0, MAX_HOSTS).sort();
    const epochs: string[] = [];
    const hosts = shown.map((hostId) => {
      const of = latest.filter((one) => one.hostId === hostId);
      epochs.push(of.at(-1)?.epoch ?? "");
      return {
        host_id: hostId,
        thumbnails: [...new Set(of.map((one) => one.mappingId))].sort((a, b) => a - b),
        statistics: this.#statistics.has(hostId),
      };
    });
    return [hosts, epochs];
  }
}

function decoded(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
