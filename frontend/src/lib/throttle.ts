/** Hands on the latest of what comes, not too often, and always the last. */
export class Throttle<T> {
  #held: { readonly value: T } | null = null;
  #waiting = false;

  constructor(
    private readonly send: (value: T) => void,
    private readonly periodMs: number,
    private readonly later: (then: () => void, delayMs: number) => void = (then, delayMs) => {
      setTimeout(then, delayMs);
    },
  ) {}

  /** At once if nothing was handed on within the period, else after it, unless something newer comes. */
  push(value: T): void {
    if (this.#waiting) this.#held = { value };
    else this.#hand(value);
  }

  /** Hand nothing on that waits. */
  forget(): void {
    this.#held = null;
  }

  #hand(value: T): void {
    this.#waiting = true;
    this.send(value);
    this.later(() => {
      const held = this.#held;
      this.#held = null;
      this.#waiting = false;
      if (held !== null) this.#hand(held.value);
    }, this.periodMs);
  }
}
