/** Travels in time: what was asked for, what is shown, and what happened when. One for as long as the page lives. */
import { batch, computed, effect, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { neighbour, within, type Span } from "../lib/time-axis";
import { Throttle } from "../lib/throttle";
import type { FromViewer, RecordedHost, TimeEvent, TimeState, Travel } from "../wire/types";
import { Inquiry, type Ask } from "./inquiry";
import type { Moment } from "./moment";

/** Times as fast as it was. */
export const SPEEDS = [0.25, 0.5, 1, 2, 5, 10, 25, 100] as const;

/** The server takes twenty messages a second, and others are sent too. */
const SEND_PERIOD_MS = 100;
/** After that the server decided otherwise. */
const WISH_MS = 2000;
/** Marks and ends of the line move when it got longer by so much of it: less than a pixel. */
const SPAN_STEP = 1 / 2000;
/** The server makes its pictures at the moments that were asked for; what plays moves on meanwhile. */
const NEAR_S = 1;
const PRESENT_S = 10;
const GOES_ON_S = 10;

/** How time goes. */
export interface Going {
  readonly live: boolean;
  readonly canBeLive: boolean;
  readonly playing: boolean;
  readonly speed: number;
  readonly problem: string | null;
  readonly lost: TimeState["lost"];
}

/** What travels: a store. */
export interface Passenger {
  readonly time: Moment;
  readonly nowMs: ReadonlySignal<number>;
  readonly send: ((message: FromViewer) => void) | null;
  readonly migrating: {
    readonly panes: Partial<Record<string, Pick<Passenger, "send"> | undefined>>;
  } | null;
  pause(on: boolean): void;
}

/** What can be gone to. */
export interface Recorded {
  readonly events: readonly TimeEvent[];
  readonly hosts: readonly RecordedHost[];
}

/** Keeps the address. */
export interface AddressKeeper {
  step(atS: number | null): void;
  follow(atS: number | null): void;
}

interface Wish {
  readonly travel: Travel;
  readonly sinceMs: number;
}

/** Signals for what draws the time, and what its buttons do. */
export class Traveller {
  /** Null before the server told. */
  readonly going: Signal<Going | null> = signal(null);
  /** The moment that is shown, or was asked for just now; it changes at most four times a second by itself. */
  readonly atS: Signal<number> = signal(0);
  /** What can be shown; null: nothing was kept. */
  readonly span: Signal<Span | null> = signal(null);
  /** Behind the present; null where there is none. */
  readonly behindS: Signal<number | null> = signal(null);
  /** The host on screen; null: all. */
  readonly hostId: Signal<string | null> = signal(null);
  /** What can be shown of what is on screen. */
  readonly line = computed(() => lineOf(this.span.value, this.#recorded.value, this.hostId.value));
  /** What happened there. */
  readonly events = computed(() => {
    const { value: hostId } = this.hostId;
    const { events } = this.#recorded.value;
    return hostId === null ? events : events.filter((event) => event.host_id === hostId);
  });
  /** Chosen for when it plays. */
  readonly speed: Signal<number> = signal(1);
  /** The end of what can be shown, exactly. */
  #untilS = 0;
  #wish: Wish | null = null;
  #asked = "";
  #key = "";
  /** Between the server's clock and this page's, in seconds: when the present is. */
  #ahead: number | null = null;
  readonly #throttle: Throttle<Travel>;
  readonly #inquiry: Inquiry<Span, Recorded>;
  readonly #recorded: Signal<Recorded> = signal({ events: [], hosts: [] });

  constructor(
    private readonly store: Passenger,
    private readonly address: AddressKeeper,
    ask: Ask<Span, Recorded>,
    private readonly clock: () => number = () => performance.now(),
    throttle = (send: (travel: Travel) => void) => new Throttle(send, SEND_PERIOD_MS),
  ) {
    this.#throttle = throttle((travel) => {
      this.#send(travel);
    });
    this.#inquiry = new Inquiry<Span, Recorded>(() => false, ask);
  }

  /** Follow the server until the returned function is called. */
  start(): () => void {
    const stops = [
      this.store.time.state.subscribe((state) => {
        if (state !== null) this.#take(state);
      }),
      // While the next answer is awaited, the last one is not wrong.
      this.#inquiry.answer.subscribe(({ detail }) => {
        if (detail !== null) this.#recorded.value = detail;
      }),
      effect(() => {
        if (this.store.nowMs.value > 0) this.#show();
      }),
    ];
    return () => {
      for (const stop of stops) stop();
      this.#throttle.forget();
      this.#inquiry.want(null);
    };
  }

  /** To a moment, where it stands or plays; `step`: one that the browser's back button takes back. */
  go(atS: number, playing = false, step = true): void {
    const span = this.span.peek();
    if (span !== null) this.reach(within({ ...span, untilS: this.#untilS }, atS), playing, step);
  }

  /** The same, of a moment that the server is known to have. */
  reach(atS: number, playing = false, step = true): void {
    const going = this.going.peek();
    if (going === null) return;
    if (step && going.live) this.address.step(atS);
    this.#want({ type: "travel", at_s: atS, playing, speed: this.speed.peek() });
  }

  /** To the present, where there is one. */
  live(step = true): void {
    const going = this.going.peek();
    if (going === null || !going.canBeLive || going.live) return;
    if (step) this.address.step(null);
    this.#want({ type: "travel", at_s: null, playing: true, speed: 1 });
  }

  /** Play or stand still; from the end of what is replayed it begins anew. */
  toggle(): void {
    const [going, span, atS] = [this.going.peek(), this.span.peek(), this.atS.peek()];
    if (going === null || span === null) return;
    const line = this.line.peek() ?? span;
    const over = !going.playing && !going.canBeLive && atS >= line.untilS;
    this.go(over ? line.sinceS : atS, !going.playing);
  }

  /** Play at this speed, now or when it plays next. */
  setSpeed(speed: number): void {
    this.speed.value = speed;
    const going = this.going.peek();
    if (going !== null && !going.live) this.go(this.atS.peek(), going.playing);
  }

  /** The next speed above or below. */
  shiftSpeed(step: 1 | -1): void {
    const at = SPEEDS.findIndex((speed) => speed >= this.speed.peek());
    const speed = SPEEDS[at + step];
    if (speed !== undefined) this.setSpeed(speed);
  }

  /** By so many seconds; the past does not turn into the present by steps. */
  step(seconds: number): void {
    const going = this.going.peek();
    if (going !== null && !(going.live && seconds > 0)) {
      this.go(this.atS.peek() + seconds, going.playing && !going.live);
    }
  }

  /** To the next event, or the one before; null: there is none that way. */
  toEvent(step: 1 | -1): TimeEvent | null {
    const event = neighbour(this.events.peek(), this.atS.peek(), step);
    if (event !== null) this.go(event.at_s);
    return event;
  }

  /** The address was gone to: back, forward, or by hand. */
  goneTo(atS: number | null): void {
    if (atS === null) this.live(false);
    else this.go(atS, false, false);
  }

  #want(travel: Travel): void {
    const { store } = this;
    batch(() => {
      store.time.clear();
      store.time.wanted = travel.at_s === null ? null : travel;
      store.pause(false);
      this.#wish = { travel, sinceMs: this.clock() };
      this.#throttle.push(travel);
      this.#show();
    });
  }

  #send(travel: Travel): void {
    const { store } = this;
    store.send?.(travel);
    // What has a connection of its own is at a moment of its own.
    for (const pane of Object.values(store.migrating?.panes ?? {})) pane?.send?.(travel);
  }

  #take(state: TimeState): void {
    const wish = this.#wish;
    const answered = wish !== null && (state.problem !== null || fulfils(state, wish.travel));
    if (answered) this.#wish = null;
    if (state.live) this.#ahead = state.at_s - this.clock() / 1000;
    if (!state.live && this.#wish === null) this.speed.value = state.speed;
    const { live, can_be_live, playing, speed, problem, since_s } = state;
    const asked = [live, can_be_live, playing, speed, problem, since_s === null].join();
    // What only moves on waits for the page's clock, with all other numbers.
    if (answered || asked !== this.#asked) this.#show();
    this.#asked = asked;
    this.#askForEvents(state);
  }

  #askForEvents({ since_s, until_s, events_version }: TimeState): void {
    if (since_s === null || until_s === null) return;
    const key = String(events_version);
    if (key === this.#key) return;
    this.#key = key;
    this.#inquiry.want({ sinceS: since_s, untilS: until_s + 1 });
  }

  #show(): void {
    const { state } = this.store.time;
    const told = state.peek();
    if (told === null) return;
    const nowMs = this.clock();
    if (this.#wish !== null && nowMs - this.#wish.sinceMs > WISH_MS) this.#wish = null;
    const travel = this.#wish?.travel;
    const live = travel ? travel.at_s === null : told.live;
    const presentS = told.can_be_live && this.#ahead !== null ? this.#ahead + nowMs / 1000 : null;
    const atS = travel?.at_s ?? (live ? (presentS ?? told.at_s) : told.at_s);
    batch(() => {
      this.#going({
        live,
        canBeLive: told.can_be_live,
        playing: live || (travel?.playing ?? told.playing),
        speed: travel?.speed ?? told.speed,
        problem: told.problem,
        lost: told.lost,
      });
      this.#spanOf(told, presentS);
      this.atS.value = atS;
      this.behindS.value = live || presentS === null ? null : Math.max(0, presentS - atS);
    });
    this.#follow(told);
  }

  #going(going: Going): void {
    if (JSON.stringify(going) !== JSON.stringify(this.going.peek())) this.going.value = going;
  }

  /** A line that grows with the present. */
  #spanOf(told: TimeState, presentS: number | null): void {
    const { since_s: sinceS } = told;
    const before = this.span.peek();
    if (sinceS === null || told.until_s === null) {
      if (before !== null) this.span.value = null;
      return;
    }
    const untilS = (this.#untilS = Math.max(told.until_s, presentS ?? 0));
    const leastS = (untilS - sinceS) * SPAN_STEP;
    const moved =
      before === null ||
      Math.abs(before.sinceS - sinceS) > leastS ||
      Math.abs(before.untilS - untilS) > leastS;
    if (moved) this.span.value = { sinceS, untilS };
  }

  /** The address says what is shown, not what is only wished for. */
  #follow(told: TimeState): void {
    const { time } = this.store;
    if (this.#wish !== null || time.awaited) return;
    const { live, at_s, playing, speed } = told;
    time.wanted = live ? null : { type: "travel", at_s, playing, speed };
    this.address.follow(live ? null : at_s);
  }
}

/** Of a host that is not recorded any more, only its own time; what is recorded now goes on with the present. */
function lineOf(span: Span | null, { hosts }: Recorded, hostId: string | null): Span | null {
  const host = hosts.find((one) => one.host_id === hostId);
  if (span === null || host === undefined) return span;
  const last = Math.max(...hosts.map((one) => one.until_s));
  const goesOn = last - host.until_s < GOES_ON_S;
  return { sinceS: host.since_s, untilS: goesOn ? span.untilS : host.until_s };
}

function fulfils(state: TimeState, { at_s: atS, playing, speed }: Travel): boolean {
  // What plays up to the present is there.
  if (state.live) return atS === null || (playing && state.at_s - atS < PRESENT_S);
  if (atS === null) return false;
  const nearS = NEAR_S * (playing ? Math.max(1, speed) : 1);
  return state.playing === playing && Math.abs(state.at_s - atS) < nearS;
}
