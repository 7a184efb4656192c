/** What maps that are shown side by side have in common: range and cursor. One of them leads. */
import { signal, type Signal } from "@preact/signals";
import type { Entry } from "../lib/cursor";
import { sameRange, type CellRange } from "../lib/geometry";

/** What of a panel is linked. */
export interface LinkedPanel {
  range(): CellRange;
  show(range: CellRange): void;
  atHome(): boolean;
  readonly plan: { readonly home: CellRange };
}

/** The page that is pointed at, on either side. */
export interface LinkedCursor<Name extends string> {
  readonly entry: Entry;
  readonly by: "pointer" | "keyboard";
  readonly side: Name;
}

/** Keeps panels at one range. Moves of a panel that does not lead are answers to the leader's. */
export class Linked<Name extends string> {
  readonly cursor: Signal<LinkedCursor<Name> | null> = signal(null);
  /** Zoomed to; null: home, or nothing known yet. */
  readonly range: Signal<CellRange | null>;
  readonly #panels = new Map<Name, LinkedPanel>();
  #due = false;

  /** `later` calls back once before the next picture is drawn. */
  constructor(
    range: CellRange | null,
    private readonly later: (then: () => void) => void,
    public leader: Name,
  ) {
    this.range = signal(range);
  }

  /** The panel of this side; null: it went. */
  join(side: Name, panel: LinkedPanel | null): void {
    if (panel) this.#panels.set(side, panel);
    else this.#panels.delete(side);
  }

  /** The panel that leads, or the only one. */
  panel(): LinkedPanel | null {
    return this.#panels.get(this.leader) ?? [...this.#panels.values()][0] ?? null;
  }

  /** The axes of this side moved. */
  moved(side: Name): void {
    const panel = this.#panels.get(side);
    if (panel === undefined) return;
    if (panel === this.panel()) this.range.value = panel.atHome() ? null : panel.range();
    this.#align();
  }

  /** For the panel of this side: nobody but a leader tells it where to be. */
  keeper(side: Name): { moved(): void; follow(): void; destroy(): void } {
    return {
      moved: () => {
        this.moved(side);
      },
      follow: () => undefined,
      destroy: () => undefined,
    };
  }

  /** Show this on both sides; null: all. */
  show(range: CellRange | null): void {
    const panel = this.panel();
    this.range.value = range;
    if (panel) panel.show(range ?? panel.plan.home);
    this.#align();
  }

  /** See `factor` times as much on both sides, around the cursor or the middle. */
  zoom(factor: number): void {
    const panel = this.panel();
    if (panel === null) return;
    const { x0, x1, y0, y1 } = panel.range();
    const at = this.cursor.peek()?.entry;
    const x = at ? at.column + 0.5 : (x0 + x1) / 2;
    const y = at ? at.row + 0.5 : (y0 + y1) / 2;
    const from = (middle: number, edge: number): number => middle + (edge - middle) * factor;
    this.show({ x0: from(x, x0), x1: from(x, x1), y0: from(y, y0), y1: from(y, y1) });
  }

  /** Move both by shares of what is in sight. */
  pan(columns: number, rows: number): void {
    const panel = this.panel();
    if (panel === null) return;
    const { x0, x1, y0, y1 } = panel.range();
    const [dx, dy] = [columns * (x1 - x0), rows * (y1 - y0)];
    this.show({ x0: x0 + dx, x1: x1 + dx, y0: y0 + dy, y1: y1 + dy });
  }

  /** Both look at the same, at most once a picture. */
  #align(): void {
    if (this.#due) return;
    this.#due = true;
    this.later(() => {
      this.#due = false;
      const [leader, range] = [this.panel(), this.range.peek()];
      for (const panel of this.#panels.values()) {
        if (panel === leader) continue;
        const wanted = range ?? panel.plan.home;
        if (!sameRange(panel.range(), wanted)) panel.show(wanted);
      }
    });
  }
}
