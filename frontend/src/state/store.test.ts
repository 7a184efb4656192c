import { effect } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FromViewer } from "../wire/types";
import { FrameKind, PROTOCOL_VERSION } from "../wire/generated";
import { frameBytes, goldenCases } from "../wire/golden";
import {
  sampleHost,
  sampleMapping,
  sampleOverview,
  sampleReport,
  sampleSubscribed,
} from "./samples";
import * as coarse from "./coarse";
import { maps } from "./maps";
import { Store } from "./store";

const MAPPING = sampleMapping();
const MAP = "#/host/h/pid/42/map/7f0000000000";
const WELCOME = {
  type: "welcome",
  protocol: PROTOCOL_VERSION,
  server_version: "0",
  server_epoch: "e",
} as const;

const whole = goldenCases().find((golden) => golden.name === "runs, whole")?.frame ?? "";

function frame(): ArrayBuffer {
  return frameBytes(whole);
}

function watching(): { readonly store: Store; readonly sent: FromViewer[] } {
  const store = new Store(MAP);
  const sent: FromViewer[] = [];
  store.useMaps(maps, () => undefined);
  store.useCoarse(coarse);
  store.onRoute(MAP);
  store.send = (message) => sent.push(message);
  store.onMessage(WELCOME, 1);
  store.onMessage(sampleOverview(sampleHost([MAPPING])), 2);
  store.onMessage(sampleSubscribed(MAPPING), 3);
  return { store, sent };
}

beforeEach(() => {
  vi.stubGlobal("document", { hidden: false });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the store", () => {
  it("takes cells in and acknowledges them after they were drawn", () => {
    const { store, sent } = watching();
    const waiting: (() => void)[] = [];
    const stop = store.showOn({
      scheduleDraw: (drawn) => waiting.push(drawn),
      centerOf: () => null,
    });
    store.onFrame(frame(), 4);
    const picture = store.picture.value;
    expect(picture?.complete).toBe(true);
    expect(picture?.stateCounts[1]).toBe(200);
    expect(sent.map((message) => message.type)).toEqual(["subscribe"]);
    for (const drawn of waiting) drawn();
    expect(sent.at(-1)).toEqual({ type: "ack", seq: 4 });
    stop();
    store.onFrame(frame(), 5);
    expect(sent).toHaveLength(3);
  });

  it("acknowledges at once in a hidden tab", () => {
    vi.stubGlobal("document", { hidden: true });
    const { store, sent } = watching();
    const scheduleDraw = (): never => {
      throw new Error("nothing is drawn in a hidden tab");
    };
    store.showOn({ scheduleDraw, centerOf: () => null });
    store.onFrame(frame(), 4);
    expect(sent.at(-1)).toEqual({ type: "ack", seq: 4 });
  });

  it("counts no change for the first picture, and later ones against it", () => {
    const { store } = watching();
    store.onFrame(frame(), 4);
    expect(store.picture.value?.changes.perSecond(5)).toBe(0);
    const heard: (number | null)[] = [];
    store.picture.value?.listen((changed) => heard.push(changed === null ? null : changed.length));
    store.onFrame(frame(), 6);
    expect(heard).toEqual([0]);
  });

  it("keeps the last picture when the connection or the mapping goes", () => {
    const { store } = watching();
    store.onFrame(frame(), 4);
    const picture = store.picture.value;
    store.onConnection({ phase: "waiting", attempt: 1, lostAtMs: 5, retryAtMs: 6 });
    expect(store.picture.value).toBe(picture);
    expect(store.selection.value.phase).toBe("searching");
    store.onMessage(WELCOME, 7);
    store.onMessage(sampleOverview(sampleHost([sampleMapping({ id: 9 })], { epoch: "two" })), 8);
    store.onMessage(sampleSubscribed(sampleMapping({ id: 9 }), "two"), 9);
    expect(store.picture.value).toBe(picture);
    expect(picture?.info.id).toBe(9);
  });

  it("ignores cells that come before the answer to a new subscription", () => {
    const { store } = watching();
    store.onConnection({ phase: "waiting", attempt: 1, lostAtMs: 5, retryAtMs: 6 });
    store.onFrame(frame(), 4);
    expect(store.picture.value?.complete).toBe(false);
  });

  it("refuses frames that are not for viewers", () => {
    const { store } = watching();
    const wrong = frame();
    new DataView(wrong).setUint8(4, FrameKind.FULL);
    expect(() => {
      store.onFrame(wrong, 4);
    }).toThrow();
  });

  it("says when page and server speak different protocols", () => {
    const store = new Store("");
    store.onMessage({ ...WELCOME, protocol: 99 }, 1);
    expect(store.protocolFault.value).toContain("99");
  });

  it("shows counts at most four times a second, and the last change always", () => {
    const { store } = watching();
    const shown: number[] = [];
    const stop = effect(() => {
      store.followCells();
      shown.push(store.picture.peek()?.framesApplied ?? 0);
    });
    store.onFrame(frame(), 1000);
    store.onFrame(frame(), 1100);
    store.onFrame(frame(), 1200);
    expect(shown).toEqual([0, 1]);
    store.onClock(1260);
    expect(shown, "more may come").toEqual([0, 1]);
    // The message brings the time along, so that the clock leaves the next tick out; the counts must not.
    store.onMessage(sampleOverview(sampleHost([MAPPING])), 1405);
    store.onClock(1410);
    expect(shown).toEqual([0, 1, 3]);
    store.onClock(2000);
    expect(shown).toEqual([0, 1, 3]);
    stop();
  });

  it("leaves the picture with its address", () => {
    const { store, sent } = watching();
    store.onRoute("#/");
    expect(store.picture.value).toBeNull();
    expect(sent.at(-1)).toEqual({ type: "unsubscribe" });
  });

  it("repaints when the colour mode changes", () => {
    const { store } = watching();
    store.onFrame(frame(), 4);
    store.onRoute(`${MAP}?color=node`);
    expect(store.picture.value?.painted?.mode).toBe("node");
  });
});

describe("what is asked for", () => {
  const last = (sent: readonly FromViewer[]): unknown => {
    const message = sent.filter(({ type }) => type === "subscribe").at(-1);
    return message?.type === "subscribe" ? message.view : null;
  };

  it("begins with all cells and is held by a pause", () => {
    const { store, sent } = watching();
    expect(last(sent)).toEqual({ first: 0, count: 512, shift: 0, rate_hz: 20 });
    store.pause(true);
    expect(last(sent)).toEqual({ first: 0, count: 512, shift: 0, rate_hz: 0 });
    store.pause(false);
    expect(last(sent)).toMatchObject({ rate_hz: 20 });
    expect(store.selection.value.phase).toBe("live");
  });

  it("is coarser where the plot is too small for all cells", () => {
    const { store, sent } = watching();
    store.look({ x0: 0, x1: 512, y0: 0, y1: 1 }, 100, 4);
    expect(last(sent)).toMatchObject({ shift: 3 });
    expect(store.picture.value?.level.name).toBe("pmd");
  });

  it("inside of a page is its cell, and the host is asked for its parts", () => {
    const { store, sent } = watching();
    store.onFrame(frame(), 4);
    const before = store.picture.value;
    store.onRoute(`${MAP}?level=pte&cells=9`);
    expect(last(sent)).toEqual({ first: 9, count: 1, shift: 0, rate_hz: 20 });
    const picture = store.picture.value;
    expect(picture).not.toBe(before);
    expect(picture?.level.kind).toBe("parts");
    expect(store.parts.answer.value.query).toMatchObject({
      pid: 42,
      address: MAPPING.start + 9 * MAPPING.page_size,
      part: null,
    });
    store.onRoute(MAP);
    expect(last(sent)).toMatchObject({ first: 0, count: 512 });
    expect(store.parts.answer.value.query).toBeNull();
  });

  it("waits until there is something to make maps with", () => {
    const store = new Store(MAP);
    const sent: FromViewer[] = [];
    store.onRoute(MAP);
    store.send = (message) => sent.push(message);
    store.onMessage(WELCOME, 1);
    store.onMessage(sampleOverview(sampleHost([MAPPING])), 2);
    expect(sent).toEqual([]);
    store.useMaps(maps, () => undefined);
    expect(sent.map(({ type }) => type)).toEqual(["subscribe"]);
  });

  it("waits with groups and parts until there is something that shows them", () => {
    const map = `${MAP}?level=pte&cells=9`;
    const store = new Store(map);
    const sent: FromViewer[] = [];
    const load = vi.fn();
    store.onRoute(map);
    store.send = (message) => sent.push(message);
    store.onMessage(WELCOME, 1);
    store.useMaps(maps, load);
    store.onMessage(sampleOverview(sampleHost([MAPPING])), 2);
    store.onMessage(sampleOverview(sampleHost([MAPPING])), 3);
    expect([load.mock.calls.length, sent]).toEqual([1, []]);
    store.useCoarse(coarse);
    expect(sent).toMatchObject([{ type: "subscribe", view: { first: 9, count: 1 } }]);
    store.onMessage(sampleSubscribed(MAPPING), 4);
    expect(store.parts.answer.value.query).toMatchObject({ pid: 42 });
  });
});

describe("a host's report", () => {
  it("counts only for the run of the agent that sent it", () => {
    const { store } = watching();
    const report = sampleReport();
    const host = sampleHost([MAPPING]);
    expect(store.reportOf(host)).toBeNull();
    store.onMessage({ type: "report", host_id: "h", epoch: "one", report }, 4);
    expect(store.reportOf(host)).toBe(report);
    expect(store.reportOf(sampleHost([], { epoch: "two" }))).toBeNull();
    expect(store.reportOf(sampleHost([], { host_id: "other" }))).toBeNull();
  });
});
