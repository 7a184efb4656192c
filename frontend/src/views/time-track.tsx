/** The line of time: a slider with what happened and what was lost on it. */
import { useComputed, useSignal, type Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import {
  lostAt,
  lostWords,
  momentAt,
  momentWords,
  nearest,
  shareOf,
  thinned,
  type Span,
} from "../lib/time-axis";
import type { Traveller } from "../state/traveller";
import type { LostTime, TimeEvent } from "../wire/types";

/** A press so near to a mark means it. */
const NEAR_PX = 5;
/** Marks nearer to each other are one. */
const APART_PX = 3;
/** Words about a place say at most so much. */
const MOST_WORDS = 3;
/** A hatch that is narrower would not be seen. */
const LEAST_LOST_PX = 3;
const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -60,
  PageUp: 60,
};
const SHIFT_TIMES = 10;
const RANKS: Readonly<Record<TimeEvent["kind"], number>> = {
  finding: 4,
  phase: 3,
  gap: 2,
  process_end: 1,
  process_start: 0,
};

interface TrackProps {
  readonly traveller: Traveller;
  readonly lost: readonly LostTime[];
}

/** For mouse, touch and keyboard. Its marks are drawn when they change, its thumb as time goes. */
export function TimeTrack(props: TrackProps): JSX.Element {
  const { traveller, lost } = props;
  const events = traveller.events.value;
  const track = useRef<HTMLDivElement>(null);
  const width = useWidth(track);
  const span = traveller.line.value;
  const pointed = useSignal<number | null>(null);
  const focused = useSignal(false);
  const [drag] = useState(() => new Drag(traveller));
  drag.place = { track, pointed };
  const now = traveller.going.value;
  const thumb = useThumb(traveller);
  return (
    <div
      ref={track}
      class="time-track"
      role="slider"
      tabIndex={0}
      aria-label="time"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={thumb.percent}
      aria-valuetext={thumb.words(lost)}
      aria-disabled={span === null}
      data-testid="time-slider"
      onKeyDown={(event) => {
        if (span !== null && onSliderKey(event, traveller, span)) {
          event.preventDefault();
          event.stopPropagation();
        }
      }}
      onFocus={() => {
        focused.value = true;
      }}
      onBlur={() => {
        focused.value = false;
      }}
      {...drag.handlers}
    >
      {span === null ? (
        <span class="muted">Nothing of the past is kept.</span>
      ) : (
        <>
          <div class="time-line" />
          <Lost span={span} lost={lost} width={width} />
          <Marks span={span} events={events} width={width} />
          <Thumb traveller={traveller} />
          <Words {...props} {...{ span, width, pointed, focused }} live={now?.live === true} />
        </>
      )}
    </div>
  );
}

/** What a screen reader is told: not more often than it changes for people. */
function useThumb({ atS, line: span, going }: Traveller): {
  readonly percent: number;
  readonly words: (lost: readonly LostTime[]) => string;
} {
  const second = useComputed(() => Math.floor(atS.value));
  const now = useComputed(() => (going.value?.playing ? second.value : atS.value));
  const percent = useComputed(() =>
    span.value === null ? 100 : Math.round(100 * shareOf(span.value, second.value)),
  );
  const told = useComputed(() => {
    const how = going.value;
    if (how === null || span.value === null) return "nothing was kept";
    // Of the present only the minute: it would be read out without end.
    if (how.live) return `live, ${momentWords(second.value, false).join(" ").slice(0, -3)}`;
    return momentWords(now.value, !how.playing).join(" ");
  });
  const words = (lost: readonly LostTime[]): string =>
    lostAt(lost, now.value).length > 0 ? `${told.value}, lost` : told.value;
  return { percent: percent.value, words };
}

function Thumb({ traveller }: { readonly traveller: Traveller }): JSX.Element | null {
  const left = useComputed(() => {
    const span = traveller.line.value;
    return span === null ? "" : `${(100 * shareOf(span, traveller.atS.value)).toFixed(2)}%`;
  });
  return <div class="time-thumb" style={{ left: left.value }} />;
}

function Lost(props: {
  readonly span: Span;
  readonly lost: readonly LostTime[];
  readonly width: number;
}): JSX.Element {
  const { span, lost, width } = props;
  return (
    <>
      {lost.map((one) => {
        const [from, to] = [shareOf(span, one.since_s), shareOf(span, one.until_s)];
        const style = {
          left: `${(100 * from).toFixed(2)}%`,
          width: `${Math.max(LEAST_LOST_PX, (to - from) * width)}px`,
        };
        return (
          <div
            key={`${one.host_id}/${one.since_s}`}
            class="time-lost"
            style={style}
            data-testid="time-lost"
          />
        );
      })}
    </>
  );
}

function Marks(props: {
  readonly span: Span;
  readonly events: readonly TimeEvent[];
  readonly width: number;
}): JSX.Element {
  const { span, events, width } = props;
  const marks = useMemo(() => {
    const apartS = ((span.untilS - span.sinceS) * APART_PX) / Math.max(1, width);
    return thinned(events, apartS, ({ kind }) => RANKS[kind]);
  }, [span, events, width]);
  return (
    <>
      {marks.map(({ at_s: atS, host_id: host, kind }) => (
        <div
          key={`${host}/${kind}/${atS}`}
          class={`time-mark time-${kind}`}
          style={{ left: `${(100 * shareOf(span, atS)).toFixed(2)}%` }}
          data-testid="time-mark"
        />
      ))}
    </>
  );
}

/** What is at the pointer, or where the thumb is while the line has the focus. */
function Words(
  props: TrackProps & {
    readonly span: Span;
    readonly width: number;
    readonly pointed: Signal<number | null>;
    readonly focused: Signal<boolean>;
    readonly live: boolean;
  },
): JSX.Element | null {
  const { traveller, lost, span, width, pointed, focused, live } = props;
  const events = traveller.events.value;
  const byPointer = pointed.value !== null;
  if (!byPointer && (!focused.value || live)) return null;
  const atS = pointed.value ?? traveller.atS.value;
  const nearS = ((span.untilS - span.sinceS) * NEAR_PX) / Math.max(1, width);
  const here = events.filter((event) => Math.abs(event.at_s - atS) <= nearS);
  const gone = lost.filter((one) => one.since_s - nearS <= atS && atS <= one.until_s + nearS);
  if (!byPointer && here.length + gone.length === 0) return null;
  const more = here.length - MOST_WORDS;
  const share = shareOf(span, atS);
  return (
    <div
      class={`time-words${share > 0.5 ? " time-words-left" : ""}`}
      style={share > 0.5 ? { right: `${100 - 100 * share}%` } : { left: `${100 * share}%` }}
      data-testid="time-words"
    >
      {byPointer && <b>{momentWords(atS, span.untilS - span.sinceS < width).join(" ")}</b>}
      {here.slice(0, MOST_WORDS).map((event, at) => (
        <span key={at}>
          {event.text} <span class="muted">{event.host_id}</span>
        </span>
      ))}
      {more > 0 && <span class="muted">and {more} more</span>}
      {gone.map((one) => (
        <span key={one.since_s} class="time-lost-words">
          {lostWords(one)} <span class="muted">{one.host_id}</span>
        </span>
      ))}
    </div>
  );
}

/** Whether the key meant something here. */
function onSliderKey(event: KeyboardEvent, traveller: Traveller, span: Span): boolean {
  const { key, shiftKey } = event;
  if (event.ctrlKey || event.altKey || event.metaKey) return false;
  if (key === "Home") traveller.go(span.sinceS);
  else if (key === "End" && traveller.going.peek()?.canBeLive) traveller.live();
  else if (key === "End") traveller.go(span.untilS);
  else {
    const seconds = STEPS[key];
    if (seconds === undefined) return false;
    traveller.step(shiftKey ? SHIFT_TIMES * seconds : seconds);
  }
  return true;
}

function useWidth(element: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (element.current === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      setWidth(Math.round(entry?.contentRect.width ?? 0));
    });
    observer.observe(element.current);
    return () => {
      observer.disconnect();
    };
  }, [element]);
  return width;
}

/** Dragging the thumb, from wherever the line is pressed. */
class Drag {
  place: {
    readonly track: { readonly current: HTMLElement | null };
    readonly pointed: Signal<number | null>;
  } | null = null;
  #from: { readonly x: number; readonly playing: boolean } | null = null;
  /** The line as it was when it was pressed: it must not grow under the pointer. */
  #span: Span | null = null;

  constructor(private readonly traveller: Traveller) {}

  readonly handlers = {
    onPointerDown: (event: PointerEvent & { readonly currentTarget: HTMLElement }): void => {
      const going = this.traveller.going.peek();
      if (event.button !== 0 || going === null) return;
      this.#span = this.traveller.line.peek();
      this.#from = { x: event.clientX, playing: going.playing && !going.live };
      event.currentTarget.setPointerCapture(event.pointerId);
      this.#move(event, NEAR_PX);
    },
    onPointerMove: (event: PointerEvent): void => {
      if (this.#from === null) this.#point(event.pointerType === "mouse" ? event : null);
      // A hand that only shakes does not leave the mark that it pressed.
      else if (Math.abs(event.clientX - this.#from.x) > 2) this.#move(event, 0);
    },
    onPointerLeave: (): void => {
      if (this.#from === null) this.#point(null);
    },
    onPointerUp: (event: PointerEvent): void => {
      const from = this.#from;
      this.#from = null;
      this.#point(null);
      if (from === null) return;
      const { going, atS } = this.traveller;
      if (going.peek()?.canBeLive && this.#share(event) >= 1) this.traveller.live();
      else if (from.playing) this.traveller.go(atS.peek(), true);
    },
    onPointerCancel: (): void => {
      this.#from = null;
      this.#point(null);
    },
  };

  #share({ clientX }: { readonly clientX: number }): number {
    const box = this.place?.track.current?.getBoundingClientRect();
    return box ? (clientX - box.left) / Math.max(1, box.width) : 0;
  }

  #move(event: PointerEvent, nearPx: number): void {
    const [span, place] = [this.#span, this.place];
    if (span === null || place === null) return;
    const atS = momentAt(span, this.#share(event));
    const box = place.track.current?.getBoundingClientRect();
    const nearS = ((span.untilS - span.sinceS) * nearPx) / Math.max(1, box?.width ?? 1);
    const event_s = nearest(this.traveller.events.peek(), atS, nearS)?.at_s ?? atS;
    place.pointed.value = event_s;
    this.traveller.go(event_s);
  }

  #point(event: PointerEvent | null): void {
    const span = this.traveller.line.peek();
    if (this.place === null || span === null) return;
    this.place.pointed.value = event && momentAt(span, this.#share(event));
  }
}
