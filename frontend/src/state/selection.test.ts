import { describe, expect, it } from "vitest";
import type { FromViewer, Overview, SubscriptionEnded, View } from "../wire/types";
import {
  SAMPLE_ADDRESS,
  sampleHost,
  sampleMapping,
  sampleOverview,
  sampleSubscribed,
} from "./samples";
import { NOTHING_SELECTED, step, type Selection, type SelectionEvent } from "./selection";

class Viewer {
  selection: Selection = NOTHING_SELECTED;
  overview: Overview | null = null;
  readonly sent: FromViewer[] = [];

  on(event: SelectionEvent): string {
    if (event.type === "overview") this.overview = event.overview;
    if (event.type === "disconnected") this.overview = null;
    const { selection, send } = step(this.selection, event, this.overview, () => VIEW);
    this.selection = selection;
    if (send !== null) this.sent.push(send);
    return selection.phase;
  }

  see(overview: Overview): string {
    return this.on({ type: "overview", overview });
  }
}

const VIEW: View = { first: 0, count: 512, shift: 0, rate_hz: 20 };
const MAPPING = sampleMapping();
const HERE = sampleOverview(sampleHost([MAPPING]));
const EMPTY = sampleOverview(sampleHost([]));

function ended(code: SubscriptionEnded["code"], id = 7): SelectionEvent {
  const message: SubscriptionEnded = {
    type: "ended",
    host_id: "h",
    mapping_id: id,
    code,
    message: "gone",
  };
  return { type: "ended", message };
}

function live(): Viewer {
  const viewer = new Viewer();
  viewer.see(HERE);
  viewer.on({ type: "wanted", address: SAMPLE_ADDRESS });
  viewer.on({ type: "subscribed", message: sampleSubscribed(MAPPING) });
  expect(viewer.selection.phase).toBe("live");
  viewer.sent.length = 0;
  return viewer;
}

describe("selecting a mapping", () => {
  it("asks as soon as both address and overview are known, once", () => {
    const viewer = new Viewer();
    expect(viewer.on({ type: "wanted", address: SAMPLE_ADDRESS })).toBe("searching");
    expect(viewer.see(EMPTY)).toBe("searching");
    expect(viewer.see(HERE)).toBe("asked");
    expect(viewer.see(HERE)).toBe("asked");
    expect(viewer.sent).toEqual([
      { type: "subscribe", host_id: "h", epoch: "one", mapping_id: 7, view: VIEW },
    ]);
  });

  it("lets go when the address is left", () => {
    const viewer = live();
    expect(viewer.on({ type: "wanted", address: null })).toBe("idle");
    expect(viewer.sent).toEqual([{ type: "unsubscribe" }]);
    expect(viewer.see(HERE)).toBe("idle");
  });

  it("takes no notice of answers that are not about it", () => {
    const viewer = live();
    expect(viewer.on(ended("mapping_gone", 8))).toBe("live");
    const other = sampleSubscribed(sampleMapping({ id: 99 }));
    viewer.on({ type: "subscribed", message: other });
    expect(viewer.selection.name?.mappingId).toBe(7);
  });
});

describe("a mapping under a new name", () => {
  const renamed = sampleOverview(sampleHost([sampleMapping({ id: 70 })], { epoch: "two" }));

  it("is found again after the agent restarted", () => {
    const viewer = live();
    expect(viewer.on(ended("host_restarted"))).toBe("ended");
    expect(viewer.see(HERE)).toBe("ended");
    expect(viewer.see(renamed)).toBe("asked");
    expect(viewer.sent).toEqual([
      { type: "subscribe", host_id: "h", epoch: "two", mapping_id: 70, view: VIEW },
    ]);
  });

  it("is asked for though the server has said nothing yet", () => {
    const viewer = live();
    expect(viewer.see(renamed)).toBe("asked");
  });

  it("is found again after the connection was lost", () => {
    const viewer = live();
    expect(viewer.on({ type: "disconnected" })).toBe("searching");
    expect(viewer.see(HERE)).toBe("asked");
    expect(viewer.sent).toHaveLength(1);
  });

  it("is not taken for another one at the same address, unless told to", () => {
    const viewer = live();
    const backing = { ...MAPPING.backing, inode: 12 };
    viewer.on(ended("mapping_gone"));
    const other = sampleOverview(sampleHost([sampleMapping({ id: 8, backing })]));
    expect(viewer.see(other)).toBe("ended");
    expect(viewer.sent).toEqual([]);
    expect(viewer.on({ type: "adopt" })).toBe("asked");
    expect(viewer.sent).toEqual([
      { type: "subscribe", host_id: "h", epoch: "one", mapping_id: 8, view: VIEW },
    ]);
  });

  it("may be the old name, if it was away in between", () => {
    const viewer = live();
    viewer.on(ended("no_such_host"));
    expect(viewer.see(sampleOverview())).toBe("ended");
    expect(viewer.see(HERE)).toBe("asked");
  });
});

describe("another view of the mapping", () => {
  it("is asked for at once, and only if it is another", () => {
    const viewer = live();
    const view = { ...VIEW, first: 100, count: 9 };
    expect(viewer.on({ type: "view", view })).toBe("live");
    viewer.on({ type: "view", view: { ...view } });
    viewer.on({ type: "view", view: { ...view, rate_hz: 0 } });
    const views = viewer.sent.map((message) => message.type === "subscribe" && message.view);
    expect(views).toEqual([view, { ...view, rate_hz: 0 }]);
  });

  it("waits until the mapping is found", () => {
    const viewer = live();
    viewer.on({ type: "disconnected" });
    viewer.on({ type: "view", view: { ...VIEW, first: 3 } });
    expect(viewer.sent).toEqual([]);
  });
});
