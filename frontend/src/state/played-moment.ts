/** Which moment is compared while time goes: what plays waits for the answer before, and is taken at most once a second. */
import { signal, type Signal } from "@preact/signals";

/** By the wall clock, however fast time plays: nobody reads faster, and each takes the server its time. */
const PERIOD_MS = 1000;

/** Follows the time of the page. */
export class PlayedMoment {
  /** Null: the present; undefined: not told yet. */
  readonly shown: Signal<number | null | undefined> = signal(undefined);
  #held: { readonly atS: number | null } | null = null;
  #busy = false;
  /** Of the period that goes on; 0: none does. */
  #period = 0;
  #periods = 0;

  constructor(
    private readonly later: (then: () => void, delayMs: number) => void = (then, delayMs) => {
      setTimeout(then, delayMs);
    },
  ) {}

  /** The page is at this moment. One that stands is taken at once. */
  take(atS: number | null, playing: boolean): void {
    if (playing && (this.#busy || this.#period !== 0)) this.#held = { atS };
    else this.#hand(atS);
  }

  /** Whether an answer is awaited. */
  wait(busy: boolean): void {
    this.#busy = busy;
    this.#next();
  }

  /** No more of what is held. */
  stop(): void {
    this.#held = null;
  }

  #hand(atS: number | null): void {
    this.#held = null;
    if (atS === this.shown.peek()) return;
    this.shown.value = atS;
    const period = (this.#period = ++this.#periods);
    this.later(() => {
      if (this.#period !== period) return;
      this.#period = 0;
      this.#next();
    }, PERIOD_MS);
  }

  #next(): void {
    if (this.#held !== null && !this.#busy && this.#period === 0) this.#hand(this.#held.atS);
  }
}
