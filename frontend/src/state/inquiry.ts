/** A question to the server that stands as long as something on screen needs its answer. */
import { signal, type Signal } from "@preact/signals";

/** Asks a server; rejects with an error whose message is for people. */
export type Ask<Query, Answer> = (query: Query, abort: AbortSignal) => Promise<Answer>;

export interface Answered<Query, Answer> {
  readonly query: Query | null;
  /** The latest answer to this query. */
  readonly detail: Answer | null;
  readonly fault: string | null;
}

/** One question at a time; another one's answer never comes through. */
export class Inquiry<Query, Answer> {
  readonly answer: Signal<Answered<Query, Answer>> = signal({
    query: null,
    detail: null,
    fault: null,
  });
  #abort: AbortController | null = null;
  #seen = "";
  #again = false;

  constructor(
    private readonly same: (a: Query, b: Query) => boolean,
    /** May be set later, by the backend. */
    public ask: Ask<Query, Answer> | null = null,
  ) {}

  /**
   * Ask this, in place of what was asked before; null: no more. `seen` is what is known to have changed: when only
   * that changes, the same is asked once more, after the answer that is under way.
   */
  want(query: Query | null, seen = ""): void {
    const before = this.answer.peek().query;
    const changed = seen !== this.#seen;
    this.#seen = seen;
    if (query !== null && before !== null && this.same(query, before)) {
      if (changed && this.#abort !== null) this.#again = true;
      else if (changed) void this.#send(query);
      return;
    }
    this.#abort?.abort();
    this.#abort = null;
    this.#again = false;
    this.answer.value = { query, detail: null, fault: null };
    if (query !== null) void this.#send(query);
  }

  async #send(query: Query): Promise<void> {
    if (this.ask === null) return;
    const abort = new AbortController();
    this.#abort = abort;
    const { detail, fault } = await this.ask(query, abort.signal).then(
      (found) => ({ detail: found, fault: null }),
      (error: unknown) => ({ detail: null, fault: error instanceof Error ? error.message : "" }),
    );
    if (this.#abort !== abort) return;
    this.#abort = null;
    this.answer.value = { query, detail, fault };
    const again = this.#again;
    this.#again = false;
    if (again) void this.#send(query);
  }
}
