/** The zoomed range in the page's address. */
import { sameRange, type CellRange } from "../lib/geometry";
import { latest, mapHash, parseRoute, type MapRoute } from "../state/route";
import type { Store } from "../state/store";
import type { HeatmapPanel } from "./heatmap-panel";

/** Browsers hold pages back that change their address all the time. */
const ADDRESS_AFTER_MS = 300;

/** Keeps the range of a panel and the one in the page's address the same. */
export class RangeInAddress {
  #timer = 0;
  /** What the panel made of the address last, or the address of it. */
  #known: CellRange | null;

  constructor(
    private readonly store: Store,
    private readonly panel: HeatmapPanel,
  ) {
    this.#known = panel.first;
    this.follow(mapRoute(store)?.range ?? null);
  }

  /** The panel moved. */
  moved(): void {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      this.#write();
    }, ADDRESS_AFTER_MS);
  }

  /** The address changed, by this or by the user. */
  follow(range: CellRange | null): void {
    const route = mapRoute(this.store);
    // Told late: there is another address by now, and to go back would undo what it came of.
    if (route !== null && !same(range, latest(route).range)) return;
    if (same(range, this.#known)) return;
    this.#known = range;
    this.panel.show(range ?? this.panel.plan.home);
  }

  /** Write nothing any more. */
  destroy(): void {
    window.clearTimeout(this.#timer);
  }

  #write(): void {
    const { store } = this;
    // The address is another since, of which the page is about to be told: this would take it back.
    if (store.hash !== window.location.hash) {
      this.moved();
      return;
    }
    const route = mapRoute(store);
    if (route === null || store.picture.value !== this.panel.picture) return;
    const range = this.panel.atHome() ? null : this.panel.range();
    if (same(range, route.range)) return;
    const hash = mapHash(route.address, { ...route, range });
    this.#known = (parseRoute(hash) as MapRoute).range;
    window.location.replace(hash);
  }
}

function same(a: CellRange | null, b: CellRange | null): boolean {
  return a === null || b === null ? a === b : sameRange(a, b, 0.01);
}

function mapRoute(store: Store): MapRoute | null {
  const route = store.route.value;
  return route.screen === "map" ? route : null;
}
