import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { addressAt, MomentAddress } from "./moment-address";

const PAGE = "http://h/below/#/host/a?q=x";

/** As much of a window as has an address and a history. */
class FakeWindow extends EventTarget {
  urls = [new URL(PAGE)];
  get location(): URL {
    return this.urls.at(-1) ?? new URL(PAGE);
  }
  readonly history = {
    pushState: (_state: null, _title: string, url: string): void =>
      void this.urls.push(new URL(url)),
    replaceState: (_state: null, _title: string, url: string): void => {
      this.urls[this.urls.length - 1] = new URL(url);
    },
  };
  goTo(url: string): void {
    this.urls.push(new URL(url, this.location));
    this.dispatchEvent(new Event("popstate"));
  }
}

let page: FakeWindow;
let gone: (number | null)[];
let address: MomentAddress;

beforeEach(() => {
  vi.useFakeTimers();
  page = new FakeWindow();
  vi.stubGlobal("window", page);
  gone = [];
  address = new MomentAddress((atS) => gone.push(atS));
  address.start();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("an address", () => {
  it.each([
    [PAGE, 12.5, "http://h/below/?t=12.5#/host/a?q=x"],
    ["http://h/?t=1&k=2#/", 3, "http://h/?t=3&k=2#/"],
    ["http://h/?t=1#/", null, "http://h/#/"],
    // Not before what happened at that moment.
    ["http://h/", 7.0001, "http://h/?t=7.001"],
  ])("%s at %s", (url, atS, made) => {
    expect(addressAt(url, atS)).toBe(made);
  });
});

describe("the page's address", () => {
  it("gets a step for the way into the past, and follows it once a second at most", () => {
    address.step(100);
    for (let atS = 101; atS < 150; atS++) address.follow(atS);
    expect(page.urls.map(({ search }) => search)).toEqual(["", "?t=101"]);
    vi.advanceTimersByTime(1000);
    expect(page.location.search).toBe("?t=149");
    expect(page.location.hash).toBe("#/host/a?q=x");
    address.step(null);
    vi.advanceTimersByTime(5000);
    expect(page.urls.map(({ search }) => search)).toEqual(["", "?t=149", ""]);
  });

  it("tells where back, forward and hand lead, and nothing of other places at this moment", () => {
    address.step(100);
    page.goTo("?t=100#/host/b");
    expect(gone).toEqual([]);
    page.goTo("?t=200#/host/b");
    page.goTo("./#/host/b");
    expect(gone).toEqual([200, null]);
  });

  it("is not written over by what was shown before it was gone to", () => {
    address.follow(100);
    address.follow(101);
    page.goTo("?t=300");
    vi.advanceTimersByTime(5000);
    expect(page.location.search).toBe("?t=300");
  });
});
