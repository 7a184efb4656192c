import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Moment } from "../state/moment";
import { sampleHost, sampleOverview } from "../state/samples";
import { Store } from "../state/store";
import { sampleTime } from "../state/time-samples";
import { LiveBackend, viewerUrl } from "./live";

class FakeSocket extends EventTarget {
  static readonly OPEN = 1;
  static readonly CONNECTING = 0;
  static all: FakeSocket[] = [];
  binaryType = "";
  readyState = FakeSocket.OPEN;
  readonly sent: string[] = [];

  constructor(readonly url: string) {
    super();
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.readyState = 3;
  }

  say(data: string | ArrayBuffer): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }
}

const WELCOME = '{"type":"welcome","protocol":1,"server_version":"0","server_epoch":"e"}';

function last(): FakeSocket {
  const socket = FakeSocket.all.at(-1);
  if (!socket) throw new Error("no socket was opened");
  return socket;
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  const target = new EventTarget();
  vi.stubGlobal(
    "window",
    Object.assign(target, {
      setInterval: setInterval.bind(globalThis),
      setTimeout: setTimeout.bind(globalThis),
      clearTimeout: clearTimeout.bind(globalThis),
    }),
  );
  vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: false }));
  vi.stubGlobal("fetch", () => Promise.resolve({ status: 200 }));
  vi.spyOn(Math, "random").mockReturnValue(1);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("the viewer socket's address", () => {
  it.each([
    ["http://127.0.0.1:8765/", "ws://127.0.0.1:8765/api/v1/viewer"],
    ["https://host/below/index.html#/host/a", "wss://host/below/api/v1/viewer"],
  ])("%s", (page, url) => {
    expect(viewerUrl(page)).toBe(url);
  });
});

describe("a page that loses its socket", () => {
  async function lose(answer: () => Promise<unknown>): Promise<string[]> {
    const gone: string[] = [];
    vi.stubGlobal("fetch", vi.fn(answer));
    vi.stubGlobal("location", {
      search: "?t=7",
      hash: "#/host/a",
      replace: (url: string) => gone.push(url),
    });
    new LiveBackend(new Store(""), "ws://x/").start();
    last().dispatchEvent(new Event("close"));
    await vi.advanceTimersByTimeAsync(0);
    expect(fetch).toHaveBeenCalledWith("api/v1/session");
    return gone;
  }

  it("goes to the login page when the session ended, which knows where to come back to", async () => {
    expect(await lose(() => Promise.resolve({ status: 401 }))).toEqual(["login?t=7#/host/a"]);
  });

  it.each([200, 503])("stays when the server says %s", async (status) => {
    expect(await lose(() => Promise.resolve({ status }))).toEqual([]);
  });

  it("stays when the server does not answer", async () => {
    expect(await lose(() => Promise.reject(new TypeError()))).toEqual([]);
  });
});

describe("a page that is to show another moment than the present", () => {
  it("asks for it on each connection, and shows nothing else meanwhile", () => {
    const store = new Store("", new Moment("?t=3000"));
    new LiveBackend(store, "ws://x/").start();
    const overview = JSON.stringify(sampleOverview(sampleHost([])));
    last().say(WELCOME);
    expect(last().sent.map((text) => JSON.parse(text) as unknown)).toEqual([
      { type: "travel", at_s: 3000, playing: false, speed: 1 },
    ]);
    last().say(overview);
    last().say(JSON.stringify(sampleTime({ travelled: 0 })));
    last().say(overview);
    expect(store.received.value).toBeNull();
    last().say(JSON.stringify(sampleTime({ live: false, at_s: 3000 })));
    last().say(overview);
    expect(store.received.value?.overview.hosts).toHaveLength(1);
    last().dispatchEvent(new Event("close"));
    vi.advanceTimersByTime(5000);
    last().say(WELCOME);
    expect(last().sent).toHaveLength(1);
  });
});

describe("the live backend", () => {
  it("comes back after each loss, ever slower, up to ten seconds", () => {
    const store = new Store("");
    new LiveBackend(store, "ws://x/").start();
    for (const delayS of [1, 2, 4, 8, 10, 10]) {
      const before = FakeSocket.all.length;
      last().dispatchEvent(new Event("close"));
      expect(store.connection.value.phase).toBe("waiting");
      vi.advanceTimersByTime(delayS * 1000 - 1);
      expect(FakeSocket.all).toHaveLength(before);
      vi.advanceTimersByTime(1);
      expect(FakeSocket.all).toHaveLength(before + 1);
    }
  });

  it("is live after the welcome, and quick again after the next loss", () => {
    const store = new Store("");
    new LiveBackend(store, "ws://x/").start();
    for (let loss = 0; loss < 3; loss++) {
      last().dispatchEvent(new Event("close"));
      vi.advanceTimersByTime(10_000);
    }
    last().say(WELCOME);
    expect(store.connection.value.phase).toBe("live");
    last().dispatchEvent(new Event("close"));
    expect(store.connection.value).toMatchObject({ phase: "waiting", attempt: 1 });
  });

  it("starts over after a frame that cannot be read", () => {
    vi.spyOn(console, "error").mockReturnValue(undefined);
    const store = new Store("");
    new LiveBackend(store, "ws://x/").start();
    last().say(WELCOME);
    last().say("{");
    expect(store.connection.value.phase).toBe("waiting");
    expect(last().readyState).toBe(3);
  });

  it.each(["live", "gone"])(
    "gives up a link over which nothing comes though a host is %s",
    (link) => {
      const store = new Store("");
      new LiveBackend(store, "ws://x/").start();
      last().say(WELCOME);
      last().say(`{"type":"overview","hosts":[{"link":"${link}"}]}`);
      vi.advanceTimersByTime(14_000);
      expect(store.connection.value.phase).toBe("live");
      vi.advanceTimersByTime(1500);
      expect(store.connection.value.phase).toBe("waiting");
    },
  );

  it("tries at once when the network is back", () => {
    new LiveBackend(new Store(""), "ws://x/").start();
    last().dispatchEvent(new Event("close"));
    window.dispatchEvent(new Event("online"));
    expect(FakeSocket.all).toHaveLength(2);
    vi.advanceTimersByTime(60_000 - 1);
    expect(FakeSocket.all.length).toBeGreaterThanOrEqual(2);
  });
});
