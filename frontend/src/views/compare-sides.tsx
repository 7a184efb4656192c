/** What is compared: host, mapping and moment of each side, to be read and chosen. */
import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import {
  momentText,
  SIDE_NAMES,
  parseSide,
  secondsText,
  whatText,
  type CompareSide,
  type SideName,
} from "../lib/compare";
import { address, bytes } from "../lib/format";
import { hostName } from "../lib/host-name";
import { processTitle } from "../lib/process-title";
import { withSide, type CompareWish } from "../state/compare-route";
import { mapHash } from "../state/route";
import type { Store } from "../state/store";
import type { ComparedSide, Comparison, HostSummary, MappingRef } from "../wire/types";

type Sides = Readonly<Record<SideName, CompareSide>>;

export interface SidesProps {
  readonly store: Store;
  readonly sides: Sides;
  readonly comparison: Comparison | null;
  readonly change: (wish: CompareWish) => void;
}

/** Both, and a button that swaps them. */
export function CompareSides(props: SidesProps): JSX.Element {
  const { sides, change } = props;
  return (
    <div class="compare-sides">
      {SIDE_NAMES.map((name) => (
        <Side key={name} {...props} name={name} />
      ))}
      <button
        type="button"
        class="compare-swap"
        data-testid="compare-swap"
        onClick={() => {
          change({ a: sides.b, b: sides.a });
        }}
      >
        swap A and B
      </button>
    </div>
  );
}

function Side(props: SidesProps & { readonly name: SideName }): JSX.Element {
  const { store, sides, name, comparison, change } = props;
  const side = sides[name];
  const label = name.toUpperCase();
  const put = (fields: Partial<CompareSide>): void => {
    change(withSide(sides, name, { ...side, ...fields }));
  };
  return (
    <fieldset class="compare-side" data-testid={`side-${name}`}>
      <legend>{label}</legend>
      <What {...{ store, name, side, put }} />
      <MomentChoice {...{ store, name, side, put }} />
      {comparison && <Facts {...{ comparison, name, side }} />}
    </fieldset>
  );
}

interface ChoiceProps {
  readonly store: Store;
  readonly name: SideName;
  readonly side: CompareSide;
  readonly put: (fields: Partial<CompareSide>) => void;
}

/** Hosts and mappings that are in sight at the moment of the page; what is not stays to be chosen. */
function What({ store, name, side, put }: ChoiceProps): JSX.Element {
  const groups = useChoices(store);
  const own = whatText(side);
  const known = groups.some(([, options]) => options.some(([value]) => value === own));
  return (
    <label>
      <span>what</span>
      <select
        value={own}
        data-testid={`what-${name}`}
        onChange={({ currentTarget }) => {
          const chosen = parseSide(currentTarget.value);
          if (chosen) put({ ...chosen, atS: side.atS });
        }}
      >
        {!known && <option value={own}>{own} (not in sight now)</option>}
        {groups.map(([host, options]) => (
          <optgroup key={host} label={host}>
            {options.map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
    </label>
  );
}

type Choice = readonly [value: string, words: string];
type Group = readonly [host: string, options: readonly Choice[]];

/** The same as long as nothing came or went: numbers change many times a second. */
function useChoices(store: Store): readonly Group[] {
  const text = useComputed(() => {
    const hosts = store.received.value?.overview.hosts ?? [];
    return JSON.stringify(hosts.map((host): Group => [nameOf(host), optionsOf(host)]));
  }).value;
  return useMemo(() => JSON.parse(text) as Group[], [text]);
}

/** Two recordings may be of one host: then only their ids tell them apart. */
function nameOf(host: HostSummary): string {
  const name = hostName(host);
  return name === host.host_id ? name : `${name} (${host.host_id})`;
}

function optionsOf(host: HostSummary): Choice[] {
  const { host_id: hostId } = host;
  const whole = [hostId, `${nameOf(host)}: all mappings`] as const;
  const inside = host.processes.flatMap((process) => {
    const { pid } = process;
    const title = `${processTitle(process)} ${pid}`;
    const mappings = process.mappings.map(({ start, end, page_size: size }) => {
      const words = `${title}: ${address(start)}, ${bytes(end - start)} of ${bytes(size)} pages`;
      return [whatText({ hostId, pid, start }), words] as const;
    });
    const all = whatText({ hostId, pid, start: null });
    return [[all, `${title}: all its mappings`] as const, ...mappings];
  });
  return [whole, ...inside];
}

/** The page's moment, or one of its own. */
function MomentChoice({ store, name, side, put }: ChoiceProps): JSX.Element {
  const pageS = (): number => store.time.state.peek()?.at_s ?? Date.now() / 1000;
  const nothing = useComputed(() => store.time.state.value?.since_s === null).value;
  const { atS } = side;
  const step = (byS: number): JSX.Element => (
    <button
      type="button"
      data-testid={`step-${name}${byS}`}
      aria-disabled={nothing}
      aria-describedby={nothing ? `nothing-kept-${name}` : undefined}
      onClick={() => {
        if (!nothing) put({ atS: (atS ?? pageS()) + byS });
      }}
    >
      {byS > 0 ? "+" : "−"}
      {Math.abs(byS)} s
    </button>
  );
  return (
    <div class="compare-moment">
      <label>
        <span>when</span>
        <select
          value={atS === null ? "page" : "own"}
          data-testid={`when-${name}`}
          onChange={({ currentTarget }) => {
            put({ atS: currentTarget.value === "page" ? null : pageS() });
          }}
        >
          <option value="page">as the time bar says</option>
          <option value="own" disabled={nothing}>
            a moment of its own
          </option>
        </select>
      </label>
      {atS !== null && <OwnMoment {...{ name, atS, put }} />}
      <span class="buttons">
        {step(-10)}
        {step(-1)}
        {step(1)}
        {step(10)}
      </span>
      {nothing && (
        <span class="muted" id={`nothing-kept-${name}`} data-testid={`nothing-kept-${name}`}>
          No history is kept here: there is only the present.
        </span>
      )}
    </div>
  );
}

/** Follows the address, but leaves what is half typed. */
function OwnMoment(props: {
  readonly name: SideName;
  readonly atS: number;
  readonly put: (fields: Partial<CompareSide>) => void;
}): JSX.Element {
  const { name, atS, put } = props;
  const input = useRef<HTMLInputElement>(null);
  const text = momentText(atS, "T");
  useLayoutEffect(() => {
    const { current } = input;
    // To set what it says already would end the typing.
    if (current && new Date(current.value).getTime() !== new Date(text).getTime()) {
      current.value = text;
    }
  }, [text]);
  return (
    <input
      ref={input}
      type="datetime-local"
      step="0.001"
      aria-label={`moment of ${name.toUpperCase()}`}
      data-testid={`moment-${name}`}
      onChange={({ currentTarget }) => {
        const chosen = new Date(currentTarget.value).getTime() / 1000;
        if (chosen > 0 && chosen < 1e10) put({ atS: chosen });
      }}
    />
  );
}

/** What was compared, as the server told it. */
function Facts(props: {
  readonly comparison: Comparison;
  readonly name: SideName;
  readonly side: CompareSide;
}): JSX.Element {
  const { comparison, name, side } = props;
  const told = comparison[name];
  const { host, source, taken_at: takenAt } = comparison.document[name];
  const ref =
    comparison.document.pools === null && comparison.document.mappings.length === 1
      ? comparison.document.mappings[0]?.[name]
      : undefined;
  return (
    <p class="compare-facts" data-testid={`facts-${name}`}>
      <b>{host.name ?? told.host_id}</b>
      {host.name !== null && host.name !== told.host_id && ` (${told.host_id})`}
      {ref && (
        <>
          {" "}
          {told.process ?? ref.comm ?? "process"} {ref.pid}{" "}
          <a class="mono" href={linkTo(told, ref, side.atS !== null)}>
            {address(ref.start)}
          </a>{" "}
          {bytes(ref.end - ref.start)}, {bytes(ref.mapped_bytes)} mapped
        </>
      )}
      <br />
      {told.at_s === null ? "now: read " : "recorded: as read "}
      <time dateTime={takenAt}>{momentText(Date.parse(takenAt) / 1000)}</time> by that host’s clock
      {source.kind === "capture" && ", which is when the captured tree was read"}
      {told.link !== null && told.link !== "live" && (
        <b class="compare-old"> ({told.link}: last seen)</b>
      )}
    </p>
  );
}

/** To the map at the moment of the page, or at the side's own one: then the page goes there too. */
function linkTo(
  { host_id: hostId, at_s: atS }: ComparedSide,
  { pid, start }: MappingRef,
  own: boolean,
): string {
  const hash = mapHash({ hostId, pid, start });
  if (!own || atS === null) return hash;
  const url = new URL(hash, window.location.href);
  url.searchParams.set("t", secondsText(atS));
  return url.href;
}
