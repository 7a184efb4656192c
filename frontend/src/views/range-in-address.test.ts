import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CellRange } from "../lib/geometry";
import { parseRoute } from "../state/route";
import type { Store } from "../state/store";
import type { HeatmapPanel } from "./heatmap-panel";
import { RangeInAddress } from "./range-in-address";

const MAP = "#/host/h/pid/7/map/1000";
const HOME: CellRange = { x0: 0, x1: 512, y0: 0, y1: 8 };
const RANGE: CellRange = { x0: 1, x1: 2, y0: 3, y1: 4 };
const ZOOMED = `${MAP}?x=1-2&y=3-4`;

/** A page whose store hears of another address when it is told. */
class Page {
  hash = MAP;
  shown: CellRange = HOME;
  readonly picture = {};
  readonly route = { value: parseRoute(MAP) };
  readonly location = {
    hash: MAP,
    replace: (hash: string): void => {
      this.location.hash = hash;
    },
  };
  readonly setTimeout = setTimeout;
  readonly clearTimeout = clearTimeout;
  readonly panel = {
    first: null,
    picture: this.picture,
    plan: { home: HOME },
    atHome: () => this.shown === HOME,
    range: () => this.shown,
    show: (range: CellRange): void => {
      this.shown = range;
    },
  };
  readonly kept: RangeInAddress;

  constructor() {
    vi.stubGlobal("window", this);
    const { route } = this;
    const store = { route, picture: { value: this.picture }, page: this };
    Object.defineProperty(store, "hash", { get: () => this.hash });
    this.kept = new RangeInAddress(
      store as unknown as Store,
      this.panel as unknown as HeatmapPanel,
    );
  }

  /** The user moves the panel, and the time passes after which the address follows. */
  move(range: CellRange): void {
    this.shown = range;
    this.kept.moved();
    vi.advanceTimersByTime(300);
  }

  /** The browser tells of the address; returns its range, as a component is drawn with it. */
  arrive(): CellRange | null {
    this.hash = this.location.hash;
    this.route.value = parseRoute(this.hash);
    return this.route.value.screen === "map" ? this.route.value.range : null;
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the range in the address", () => {
  it("follows the panel, and the panel the address", () => {
    const page = new Page();
    page.move(RANGE);
    expect(page.location.hash).toBe(ZOOMED);
    page.kept.follow(page.arrive());
    expect(page.shown).toBe(RANGE);
    page.location.hash = MAP;
    page.kept.follow(page.arrive());
    expect(page.shown).toBe(HOME);
  });

  it("takes nothing back that came after what it is told of late", () => {
    const page = new Page();
    page.move(RANGE);
    const late = page.arrive();
    page.move(HOME);
    page.kept.follow(late);
    expect(page.shown).toBe(HOME);
    page.arrive();
    page.kept.follow(late);
    expect([page.shown, page.location.hash]).toEqual([HOME, MAP]);
  });

  it("leaves an address alone of which the page does not know yet", () => {
    const page = new Page();
    page.location.hash = `${MAP}?level=pud`;
    page.move(RANGE);
    expect(page.location.hash).toBe(`${MAP}?level=pud`);
    page.arrive();
    vi.advanceTimersByTime(300);
    expect(page.location.hash).toBe(`${MAP}?level=pud&x=1-2&y=3-4`);
  });
});
