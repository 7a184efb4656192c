/** Where in time the page is: what the server says of it, and what it is to be told after each reconnect. */
import { computed, signal, type Signal } from "@preact/signals";
import type { TimeState, Travel } from "../wire/types";

/** The moment that an address names by `t=`, in seconds since 1970; null: the present. */
export function momentIn(search: string): number | null {
  const atS = Number(new URLSearchParams(search).get("t"));
  return atS > 0 && atS < 1e11 ? atS : null;
}

/** What is wrong with the moment that an address names; null: nothing. */
function problemOf(search: string): string | null {
  const text = new URLSearchParams(search).get("t");
  if (text === null || momentIn(search) !== null) return null;
  return `t=${text.slice(0, 40)} in the address names no moment: seconds since 1970`;
}

/** To that moment, to stand still there. */
export function standingAt(atS: number): Travel {
  return { type: "travel", at_s: atS, playing: false, speed: 1 };
}

/** One for all of the page. */
export class Moment {
  /** The latest; null before the server told. A problem stays until another moment is asked for. */
  readonly state: Signal<TimeState | null> = signal(null);
  /** What the address asked for and cannot be. */
  readonly #refused: string | null;
  /** What is shown is not the present of hosts that have one; what is replayed has none. */
  readonly past = computed(() => {
    const { value } = this.state;
    return value !== null && !value.live && value.can_be_live;
  });
  /** When the state came, on this page's clock. */
  receivedMs = 0;
  /** What to ask for on each new connection; null: the present. */
  wanted: Travel | null;
  /** What ages are counted with, when the state came. */
  #pacedMs = 0;
  #rate = 1;
  /** What comes until the server is where it was asked to be is of another moment. */
  #awaited = false;

  /** `leader`: of what shows a part of the page over a connection of its own. */
  constructor(
    search: string,
    private readonly leader: Moment | null = null,
  ) {
    const atS = momentIn(search);
    this.#refused = problemOf(search);
    this.wanted = atS === null ? null : standingAt(atS);
  }

  /** Of the picture on screen, for whatever is asked about it; null: the present. */
  get atS(): number | null {
    const state = this.state.peek();
    return state === null || state.live ? null : state.at_s;
  }

  /** Whether what comes now is of another moment than was asked for. */
  get awaited(): boolean {
    return this.#awaited;
  }

  /** A clock for ages of what is on screen: this page's, but it stands and runs as the time that is shown does. */
  paced(nowMs: number): number {
    return this.#pacedMs + (nowMs - this.receivedMs) * this.#rate;
  }

  /** Until when what came has grown older by itself: of other times than the present only the server knows. */
  agedMs(receivedMs: number, nowMs: number): number {
    return this.atS === null ? nowMs : receivedMs;
  }

  /** There is a new connection: what to send on it. */
  connected(): Travel | null {
    const wanted = this.leader === null ? this.wanted : this.leader.wanted;
    this.#awaited = wanted !== null;
    return wanted;
  }

  /** The server told where it is. */
  onState(state: TimeState, nowMs: number): void {
    // Where it was refused, a part of the page does not show the present beside its leader's past.
    const alone = (this.leader?.wanted ?? null) !== null && state.live;
    if (state.travelled > 0 && !alone) this.#awaited = false;
    const before = this.state.peek();
    const problem = state.problem ?? (before === null ? this.#refused : before.problem);
    this.#pacedMs = this.paced(nowMs);
    this.#rate = state.live ? 1 : state.playing ? state.speed : 0;
    this.receivedMs = nowMs;
    this.state.value = { ...state, problem };
  }

  /** Another moment is asked for. */
  clear(): void {
    const state = this.state.peek();
    if (state?.problem != null) this.state.value = { ...state, problem: null };
  }
}
