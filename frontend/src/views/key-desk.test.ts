import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bindingOf, typed, type KeyAction } from "../lib/keys";
import type { Picture } from "../state/picture";
import { parseRoute } from "../state/route";
import type { Store } from "../state/store";
import { KeyDesk } from "./key-desk";

/** Something on the page that is within what these selectors name. */
class Place {
  constructor(readonly within: readonly string[] = []) {}

  closest(selector: string): Place | null {
    return this.within.some((one) => selector.includes(one)) ? this : null;
  }
}

const CELLS = new Place(["[data-cells]"]);
const BODY = new Place();
const PICTURE = { serial: 1 } as unknown as Picture;

/** As much of a page as the desk asks for. */
class Page {
  readonly location = { hash: "#/a" };
  readonly done: string[] = [];
  readonly store = {
    hash: "#/a",
    route: { route: parseRoute("#/a"), peek: () => this.store.route.route },
    picture: { picture: PICTURE as Picture | null, peek: () => this.store.picture.picture },
  };
  readonly desk = new KeyDesk(this.store as unknown as Store);
  focus: Place = CELLS;
  typing = false;

  /** What acts is drawn anew. */
  async draw(): Promise<void> {
    this.desk.serve({
      meaning: bindingOf,
      act: this.#act,
      typing: () => this.typing,
      route: this.store.route.route,
      picture: PICTURE,
    });
    await Promise.resolve();
  }

  /** The browser told of another address. */
  arrive(): void {
    this.store.hash = this.location.hash;
    this.store.route.route = parseRoute(this.location.hash);
  }

  press(key: string, target: Place = this.focus): boolean {
    const preventDefault = vi.fn();
    const none = { shiftKey: false, ctrlKey: false, altKey: false, metaKey: false };
    const event = { ...none, key, target, timeStamp: performance.now(), preventDefault };
    this.desk.hear(event as unknown as KeyboardEvent);
    return preventDefault.mock.calls.length > 0;
  }

  readonly #act = (action: KeyAction): boolean => {
    this.done.push(`${action} at ${this.store.hash}`);
    if (action === "enter") this.location.hash = "#/b";
    this.typing = action === "go-to";
    return true;
  };
}

let page: Page;

beforeEach(() => {
  page = new Page();
  vi.stubGlobal("Element", Place);
  vi.stubGlobal("window", page);
  vi.stubGlobal("document", {
    get activeElement() {
      return page.focus;
    },
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("the desk of keys", () => {
  it("acts at once where all is settled", async () => {
    await page.draw();
    expect(page.press("u")).toBe(true);
    expect(page.press("q")).toBe(false);
    expect(page.done).toEqual(["up at #/a"]);
  });

  it("keeps keys until something acts on them, in their order", async () => {
    page.press("c");
    page.press("u");
    expect(page.done).toEqual([]);
    await page.draw();
    expect(page.done).toEqual(["next-changed at #/a", "up at #/a"]);
  });

  it("lets what a key asked for come before the next one is acted on", async () => {
    await page.draw();
    page.press("Enter");
    // The cells that had the focus are gone, and others get it only later.
    page.focus = BODY;
    expect(page.press("Home")).toBe(true);
    expect(page.press("u")).toBe(true);
    page.arrive();
    page.press(".");
    expect(page.done).toEqual(["enter at #/a"]);
    page.focus = CELLS;
    await page.draw();
    expect(page.done.slice(1)).toEqual(["move at #/b", "up at #/b", "next-other at #/b"]);
  });

  it("waits for the picture, too", async () => {
    await page.draw();
    page.store.picture.picture = null;
    page.press("u");
    await page.draw();
    expect(page.done).toEqual([]);
    page.store.picture.picture = PICTURE;
    await page.draw();
    expect(page.done).toEqual(["up at #/a"]);
  });

  it("leaves alone what is typed or pressed elsewhere", async () => {
    page.press("u", new Place(["textarea"]));
    page.press("Enter", new Place(["button"]));
    await page.draw();
    expect(page.done).toEqual([]);
  });

  it("forgets what was pressed long ago", async () => {
    vi.useFakeTimers();
    page.press("u");
    vi.advanceTimersByTime(11_000);
    page.press(".");
    await page.draw();
    expect(page.done).toEqual(["next-other at #/a"]);
  });

  it("hands what is typed for a dialog to the dialog", async () => {
    page.press("u");
    for (const key of ["g", "#", "5", "Enter", "u"]) page.press(key);
    await page.draw();
    page.press(".");
    expect(page.done).toEqual(["up at #/a", "go-to at #/a"]);
    expect(typed(page.desk.takeKept())).toEqual({ text: "#5", entered: true });
    expect(page.desk.takeKept()).toEqual([]);
  });

  it("takes a dialog back that is not there yet", async () => {
    await page.draw();
    page.press("g");
    page.press("5");
    expect(page.press("Escape")).toBe(true);
    page.press("u");
    expect(page.done).toEqual(["go-to at #/a", "back at #/a", "up at #/a"]);
  });

  it("hands nothing on once the map is gone", async () => {
    await page.draw();
    page.desk.serve(null);
    page.press("u");
    await Promise.resolve();
    expect(page.done).toEqual([]);
  });
});
