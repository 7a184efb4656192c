/** The time, on every screen: live or the past, play and pause, the line to move on, and what happened when. */
import { useComputed, useSignal, type Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { askRecorded } from "../backends/events";
import { focusPlace } from "../lib/focus-place";
import { lengthWords, lostAt, lostWords, momentWords, neighbour } from "../lib/time-axis";
import { timeActionOf, type TimeAction } from "../lib/time-keys";
import { MomentAddress } from "../state/moment-address";
import { hostOf } from "../state/route";
import type { Store } from "../state/store";
import { SPEEDS, Traveller, type Going } from "../state/traveller";
import type { LostTime, TimeEvent } from "../wire/types";
import { OpenRecording } from "./open-recording";
import { lazy } from "./lazy";
import { TimeTrack } from "./time-track";

const helpPart = lazy(() => import("./parts/time-help"));

/** In the place that the page has reserved. */
export function TimeBar({ store }: { readonly store: Store }): JSX.Element | null {
  const traveller = useTraveller(store);
  const event = useSignal<TimeEvent | null>(null);
  const [help, setHelp] = useState(false);
  const hostId = hostOf(store.route.value);
  useLayoutEffect(() => {
    traveller.hostId.value = hostId;
  }, [traveller, hostId]);
  const going = traveller.going.value;
  const toEvent = (step: 1 | -1): void => {
    event.value = traveller.toEvent(step) ?? event.peek();
  };
  useKeys(store, traveller, {
    act: (action) => {
      act(action, traveller, toEvent);
    },
    help: () => {
      setHelp(true);
    },
  });
  if (going === null) return null;
  const lost = going.lost.filter((one) => hostId === null || one.host_id === hostId);
  const part = help ? helpPart() : null;
  return (
    <section
      class={going.live ? "time-bar" : "time-bar is-past"}
      aria-label="time"
      data-testid="time"
      data-mode={going.live ? "live" : going.canBeLive ? "past" : "replay"}
      data-playing={going.playing}
      data-events={traveller.events.value.length}
    >
      <Live going={going} traveller={traveller} />
      <Buttons {...{ traveller, going, toEvent }} />
      <TimeTrack traveller={traveller} lost={lost} />
      <When {...{ traveller, going }} hash={store.hash} />
      <OpenRecording traveller={traveller} />
      <Said {...{ traveller, going, event, lost }} />
      {part && (
        <part.TimeHelpDialog
          close={() => {
            setHelp(false);
          }}
        />
      )}
    </section>
  );
}

function useTraveller(store: Store): Traveller {
  const [made] = useState(() => {
    const address = new MomentAddress((atS) => {
      traveller.goneTo(atS);
    });
    const traveller: Traveller = new Traveller(store, address, askRecorded);
    return { traveller, address };
  });
  useLayoutEffect(() => {
    const stops = [made.traveller.start(), made.address.start()];
    return () => {
      for (const stop of stops) stop();
    };
  }, [made]);
  return made.traveller;
}

function act(action: TimeAction, traveller: Traveller, toEvent: (step: 1 | -1) => void): void {
  switch (action) {
    case "play":
      traveller.toggle();
      break;
    case "live":
      traveller.live();
      break;
    case "next-event":
    case "previous-event":
      toEvent(action === "next-event" ? 1 : -1);
      break;
    case "faster":
    case "slower":
      traveller.shiftSpeed(action === "faster" ? 1 : -1);
      break;
    case "slider":
      document.querySelector<HTMLElement>("[data-testid=time-slider]")?.focus();
  }
}

/** Before the screen's own keys, of which Space in the past is not one. */
function useKeys(
  store: Store,
  { going }: Traveller,
  to: { readonly act: (action: TimeAction) => void; readonly help: () => void },
): void {
  // At once: what is pressed as soon as there is a bar must not be lost.
  useLayoutEffect(() => {
    const hear = (event: KeyboardEvent): void => {
      const place = focusPlace(event.target);
      const now = going.peek();
      if (event.defaultPrevented || now === null) return;
      const action = timeActionOf(event, place, !now.live);
      // A map's help has these keys too.
      const help = event.key === "?" && !place.typing && store.route.peek().screen !== "map";
      if (action !== null) to.act(action);
      else if (help) to.help();
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", hear, true);
    return () => {
      document.removeEventListener("keydown", hear, true);
    };
  });
}

interface PartProps {
  readonly traveller: Traveller;
  readonly going: Going;
}

/** Whether this is the present, and the way there. */
function Live({ going, traveller }: PartProps): JSX.Element {
  if (!going.canBeLive) return <b class="time-live">replay</b>;
  if (going.live) {
    return (
      <b class="time-live time-is-live" data-testid="time-live">
        <span class="dot" aria-hidden="true" /> live
      </b>
    );
  }
  return (
    <button
      type="button"
      class="time-live"
      title="back to live (l)"
      data-testid="time-live"
      onClick={() => {
        traveller.live();
      }}
    >
      back to live
    </button>
  );
}

interface EventProps {
  readonly traveller: Traveller;
  readonly toEvent: (step: 1 | -1) => void;
}

function Buttons(props: PartProps & EventProps): JSX.Element {
  const { traveller, going, toEvent } = props;
  const none = traveller.span.value === null;
  const pausing = going.playing;
  return (
    <span class="time-buttons">
      <EventButton {...{ traveller, toEvent }} step={-1} />
      <button
        type="button"
        class="time-play"
        disabled={none}
        title={pausing ? "pause (k)" : "play (k)"}
        data-testid="time-play"
        onClick={() => {
          traveller.toggle();
        }}
      >
        {pausing ? "pause" : "play"}
      </button>
      <EventButton {...{ traveller, toEvent }} step={1} />
      <select
        aria-label="speed"
        disabled={none}
        value={String(traveller.speed.value)}
        data-testid="time-speed"
        onChange={({ currentTarget }) => {
          traveller.setSpeed(Number(currentTarget.value));
        }}
      >
        {SPEEDS.map((speed) => (
          <option key={speed} value={String(speed)}>
            {speed}×
          </option>
        ))}
      </select>
    </span>
  );
}

/** It keeps the focus where there is no event that way: there may be one again. */
function EventButton(props: EventProps & { readonly step: 1 | -1 }): JSX.Element {
  const { traveller, step, toEvent } = props;
  const none = useComputed(
    () => neighbour(traveller.events.value, traveller.atS.value, step) === null,
  );
  const [words, key, sign] = step > 0 ? ["next event", "n", "⇥"] : ["previous event", "p", "⇤"];
  return (
    <button
      type="button"
      aria-label={words}
      title={`${words} (${key})`}
      aria-disabled={none.value}
      data-testid={step > 0 ? "time-next" : "time-previous"}
      onClick={() => {
        toEvent(step);
      }}
    >
      {sign}
    </button>
  );
}

/** The moment; alone in being drawn as time goes. */
function When(props: PartProps & { readonly hash: string }): JSX.Element {
  const { traveller, going, hash } = props;
  const { live, canBeLive } = going;
  const atS = traveller.atS.value;
  const behindS = traveller.behindS.value;
  const [day, time] = momentWords(atS, true);
  return (
    <p class="time-when" data-testid="time-when">
      <time dateTime={new Date(atS * 1000).toISOString()}>
        <span class="time-day">{day}</span> <b>{time}</b>
      </time>
      {!live && canBeLive && behindS !== null && (
        <span class="time-behind" data-testid="time-behind">
          {" "}
          {lengthWords(behindS)} behind live
        </span>
      )}{" "}
      <a href={"#/compare" + hash.slice(1)}>compare</a>
    </p>
  );
}

/** What went wrong, that nothing is known of the moment, or the event that was gone to. */
function Said(
  props: PartProps & {
    readonly event: Signal<TimeEvent | null>;
    readonly lost: readonly LostTime[];
  },
): JSX.Element {
  const { traveller, going, event, lost } = props;
  const [gone, ...others] = going.live ? [] : lostAt(lost, traveller.atS.value);
  const shown = useComputed(() => {
    const { value } = event;
    const there = value !== null && Math.abs(traveller.atS.value - value.at_s) < 1;
    return there && traveller.going.value?.live === false ? value : null;
  }).value;
  return (
    <p class="time-said" role="status" data-testid="time-said">
      {going.problem !== null && <span class="time-problem">{going.problem}</span>}
      {gone && (
        <span class="time-problem">
          {gone.host_id}: {lostWords(gone)}
          {others.length > 0 && `; then too: ${others.map((one) => one.host_id).join(", ")}`}
        </span>
      )}
      {going.problem === null && !gone && shown !== null && (
        <>
          <span class={`time-kind time-${shown.kind}`} aria-hidden="true" /> {shown.text}
          {shown.place !== null && (
            <>
              {" "}
              <a href={shown.place}>show</a>
            </>
          )}
        </>
      )}
    </p>
  );
}
