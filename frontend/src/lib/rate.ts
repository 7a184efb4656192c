/** Events a second over the last few seconds. */

const WINDOW_MS = 2000;

/** Counts events in a sliding window; the clock is passed in. */
export class Rate {
  #events: [timeMs: number, count: number][] = [];
  #startMs: number | null = null;

  /** `count` events happened at `nowMs`. */
  add(nowMs: number, count: number): void {
    this.#startMs ??= nowMs;
    if (count > 0) this.#events.push([nowMs, count]);
    this.#forget(nowMs);
  }

  /** Events a second; 0 before anything happened. */
  perSecond(atMs: number): number {
    if (this.#startMs === null) return 0;
    // The caller's clock may be coarse and lie behind the last event.
    const nowMs = Math.max(atMs, this.#events.at(-1)?.[0] ?? 0);
    this.#forget(nowMs);
    const spanMs = Math.min(WINDOW_MS, Math.max(1000, nowMs - this.#startMs));
    return this.#events.reduce((sum, [, count]) => sum + count, 0) / (spanMs / 1000);
  }

  #forget(nowMs: number): void {
    const keep = this.#events.findIndex(([time]) => time > nowMs - WINDOW_MS);
    this.#events.splice(0, keep < 0 ? this.#events.length : keep);
  }
}
