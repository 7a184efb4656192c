/**
 * The viewer socket: the only place of the page that talks to the network.
 *
 * It reconnects forever. A link over which nothing came for a while counts as lost, whatever hosts there are: a half-open
 * connection gives no event of its own, and a server tells ages once a second.
 */
import { backoffDelay } from "../lib/backoff";
import type { Store } from "../state/store";
import { FrameError } from "../wire/frame-error";
import type { FromViewer, ToViewer } from "../wire/types";

const CLOCK_PERIOD_MS = 250;
/** Long against the server's four overviews a second, short against a person's patience. */
const SILENCE_MS = 15_000;
const CONNECT_DEADLINE_MS = 10_000;

/** Where the viewer socket is, relative to the page. */
export function viewerUrl(page: string): string {
  const url = new URL("api/v1/viewer", page);
  url.hash = "";
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.toString();
}

/**
 * Go to the login page, which comes back to this address, if there is no session: a browser does not say why a socket was
 * refused.
 */
function leaveWithoutSession(): void {
  void fetch("api/v1/session").then(
    ({ status }) => {
      if (status === 401) location.replace(`login${location.search}${location.hash}`);
    },
    () => 0,
  );
}

/** Feeds a store from a server. */
export class LiveBackend {
  #socket: WebSocket | null = null;
  #attempt = 0;
  #lostAtMs: number | null = null;
  #lastHeardMs = 0;
  #openedMs = 0;
  #retry: number | undefined;

  constructor(
    private readonly store: Store,
    private readonly url: string,
  ) {}

  /** Connect, and stay connected until the page is left, or the returned function is called. */
  start(): () => void {
    const stop = new AbortController();
    const { signal } = stop;
    const clock = window.setInterval(() => {
      this.#tick();
    }, CLOCK_PERIOD_MS);
    // A laptop that wakes or a network that is back should not wait for the next attempt.
    const retry = ({ type }: Event): void => {
      if (type === "online" || !document.hidden) this.#retryNow();
    };
    window.addEventListener("online", retry, { signal });
    document.addEventListener("visibilitychange", retry, { signal });
    this.#connect();
    return () => {
      const socket = this.#socket;
      this.#socket = this.store.send = null;
      stop.abort();
      window.clearInterval(clock);
      window.clearTimeout(this.#retry);
      socket?.close();
    };
  }

  #connect(): void {
    this.#retry = undefined;
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#openedMs = this.#lastHeardMs = performance.now();
    this.store.onConnection({
      phase: "connecting",
      attempt: this.#attempt,
      lostAtMs: this.#lostAtMs,
    });
    socket.addEventListener("message", (event: MessageEvent<string | ArrayBuffer>) => {
      if (socket === this.#socket) this.#take(event.data);
    });
    socket.addEventListener("close", () => {
      if (socket === this.#socket) this.#lost();
    });
  }

  #take(data: string | ArrayBuffer): void {
    const nowMs = performance.now();
    this.#lastHeardMs = nowMs;
    try {
      if (typeof data !== "string") {
        this.store.onFrame(data, nowMs);
        return;
      }
      const message = JSON.parse(data) as ToViewer;
      const { time } = this.store;
      if (message.type === "time") time.onState(message, nowMs);
      else if (message.type !== "overview" || !time.awaited) {
        if (message.type === "welcome") this.#welcomed();
        this.store.onMessage(message, nowMs);
      }
    } catch (error) {
      if (!(error instanceof FrameError || error instanceof SyntaxError)) throw error;
      // What follows a frame that cannot be read cannot be trusted either: start over.
      console.error("what the server sent cannot be read", error);
      this.#socket?.close(4000, "unreadable");
      this.#lost();
    }
  }

  #welcomed(): void {
    this.#attempt = 0;
    this.#lostAtMs = null;
    this.store.send = (message: FromViewer) => {
      if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
    };
    const travel = this.store.time.connected();
    if (travel !== null) this.store.send(travel);
  }

  #lost(): void {
    const nowMs = performance.now();
    this.#socket = null;
    this.store.send = null;
    this.#lostAtMs ??= nowMs;
    leaveWithoutSession();
    const delayMs = 1000 * backoffDelay(this.#attempt, Math.random);
    this.#attempt++;
    this.#retry = window.setTimeout(() => {
      this.#connect();
    }, delayMs);
    this.store.onConnection({
      phase: "waiting",
      attempt: this.#attempt,
      lostAtMs: this.#lostAtMs,
      retryAtMs: nowMs + delayMs,
    });
  }

  #retryNow(): void {
    if (this.#retry === undefined) return;
    window.clearTimeout(this.#retry);
    this.#connect();
  }

  #tick(): void {
    const nowMs = performance.now();
    this.store.onClock(nowMs);
    const socket = this.#socket;
    if (socket === null) return;
    const stuck =
      socket.readyState === WebSocket.CONNECTING && nowMs - this.#openedMs > CONNECT_DEADLINE_MS;
    const silent = nowMs - this.#lastHeardMs > SILENCE_MS;
    if (!stuck && !silent) return;
    socket.close();
    this.#lost();
  }
}
