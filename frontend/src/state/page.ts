/** The page behind the selected cell: asked for when it is selected, and again when its cell changes. */
import { signal, type Signal } from "@preact/signals";
import type { PageDetail } from "../wire/types";

export interface PageQuery {
  readonly hostId: string;
  readonly pid: number;
  readonly address: number;
  /** A chunk of a 1 GiB page to look into. */
  readonly part: number | null;
}

/** Asks a server; rejects with an error whose message is for people. */
export type AskPage = (query: PageQuery, abort: AbortSignal) => Promise<PageDetail>;

export interface PageAnswer {
  readonly query: PageQuery | null;
  /** The latest answer to this query. */
  readonly detail: PageDetail | null;
  readonly fault: string | null;
}

const NOTHING_ASKED: PageAnswer = { query: null, detail: null, fault: null };

/** One question at a time; another page's answer never comes through. */
export class PageInquiry {
  readonly answer: Signal<PageAnswer> = signal(NOTHING_ASKED);
  /** Set by the backend. */
  ask: AskPage | null = null;
  #abort: AbortController | null = null;
  #seen = "";
  #again = false;

  /**
   * Ask this, in place of what was asked before; null: no more. `seen` is what the map shows of the cell: when only
   * that changes, the same is asked once more, after the answer that is under way.
   */
  want(query: PageQuery | null, seen = ""): void {
    const before = this.answer.peek().query;
    const changed = seen !== this.#seen;
    this.#seen = seen;
    if (query !== null && before !== null && same(query, before)) {
      if (changed && this.#abort !== null) this.#again = true;
      else if (changed) void this.#send(query);
      return;
    }
    this.#abort?.abort();
    this.#abort = null;
    this.#again = false;
    this.answer.value = { ...NOTHING_ASKED, query };
    if (query !== null) void this.#send(query);
  }

  async #send(query: PageQuery): Promise<void> {
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

function same(a: PageQuery, b: PageQuery): boolean {
  return a.hostId === b.hostId && a.pid === b.pid && a.address === b.address && a.part === b.part;
}
