/**
 * When numbers on screen change: four times a second, and while cells come a little less often, all in one animation
 * frame and together with cells. Each frame in which any text changes costs the page as much as the cells do.
 */
import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import type { Overview } from "../wire/types";

/** The latest overview, and when it came on this page's monotonic clock. */
export interface ReceivedOverview {
  readonly overview: Overview;
  readonly receivedAtMs: number;
}

const CLOCK_PERIOD_MS = 250;
/** The same while cells come. */
const FLOWING_PERIOD_MS = 380;
/** Cells that came so lately are followed by more, one may take it. */
const FRAMES_WITHIN_MS = 200;

/** The clock of the page's numbers; the time is passed in. */
export class Pace {
  /** `performance.now()`, four times a second. */
  readonly clock: ReadonlySignal<number>;
  #clock: Signal<number> = signal(0);
  #cells: Signal<number> = signal(0);
  #countsShownMs = 0;
  /** Cells changed since counts were last shown. */
  #countsDue = false;
  #frameMs = -Infinity;
  #held: ReceivedOverview | null = null;

  constructor() {
    this.clock = this.#clock;
  }

  /** Whoever reads it is drawn anew when counts of cells are to be shown. */
  get cells(): number {
    return this.#cells.value;
  }

  /** Show counts of cells now. */
  showCells(): void {
    this.#cells.value = this.#cells.peek() + 1;
  }

  /** Counts changed and wait for their turn. */
  changed(): void {
    this.#countsDue = true;
  }

  /** A frame of cells came. */
  frame(nowMs: number): void {
    this.#frameMs = nowMs;
  }

  /** A message came and brought the time along. */
  message(nowMs: number): void {
    this.#clock.value = nowMs;
  }

  /** Keep an overview until numbers are shown, if more cells are to be expected; whether it is kept. */
  hold(received: ReceivedOverview): boolean {
    const flowing = received.receivedAtMs - this.#frameMs < FRAMES_WITHIN_MS;
    if (flowing) this.#held = received;
    return flowing;
  }

  /** The overview that was kept, once. */
  release(): ReceivedOverview | null {
    const held = this.#held;
    this.#held = null;
    return held;
  }

  /** Whether an overview is kept though no more cells may come. */
  overdue(nowMs: number): boolean {
    return this.#held !== null && nowMs - this.#frameMs >= FRAMES_WITHIN_MS;
  }

  /**
   * Time passed. A tick just after a message or among frames is left out, as these bring the time along. Counts that came
   * too soon after others wait for the next frame or, as none may come, for a tick.
   */
  tick(nowMs: number): void {
    const flowing = nowMs - this.#frameMs < FRAMES_WITHIN_MS;
    if (nowMs - this.#clock.peek() >= (flowing ? 2 : 1) * CLOCK_PERIOD_MS) {
      this.#clock.value = nowMs;
    }
    if (this.#countsDue && !flowing) this.#show(nowMs, false, CLOCK_PERIOD_MS);
  }

  /**
   * A frame that came at `nowMs` is drawn; `atOnce`: its counts do not wait. Whether numbers are shown now, and with
   * them whatever is kept.
   */
  drawn(nowMs: number, atOnce: boolean): boolean {
    const shown = this.#show(nowMs, atOnce, FLOWING_PERIOD_MS);
    if (shown) this.#clock.value = nowMs;
    return shown;
  }

  #show(nowMs: number, atOnce: boolean, periodMs: number): boolean {
    this.#countsDue = !atOnce && nowMs - this.#countsShownMs < periodMs;
    if (this.#countsDue) return false;
    this.#countsShownMs = nowMs;
    this.#cells.value++;
    return true;
  }
}
