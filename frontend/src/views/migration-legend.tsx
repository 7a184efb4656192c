/** What the colours and marks of both maps mean. */
import type { JSX } from "preact";
import { integer } from "../lib/format";
import type { LegendEntry } from "../lib/legend";
import { legendLines } from "../state/legend";
import type { Migrating } from "../state/migration";
import { FIRST_CLASS, ORDER_CLASSES } from "../state/migration-arrivals";
import type { PaneStore } from "../state/migration-pane";
import type { MigrationAddress } from "../state/migration-route";
import { SIDES, sinceWords, unwatchedWords, zeroOf, type Side } from "../state/migration-words";
import { theme } from "../state/theme";
import type { Limit, MigrationState } from "../wire/types";
import { Swatch } from "./composition-bar";

export interface LegendProps {
  readonly migrating: Migrating;
  readonly panes: Readonly<Record<Side, PaneStore | null>>;
  readonly asked: MigrationAddress;
  readonly state: MigrationState;
  /** Pages on screen that are dark. */
  readonly dark: number;
  /** Of the destination's host. */
  readonly limits: readonly Limit[];
}

/** Colours with the pages of each side, then marks. */
export function MigrationLegend(props: LegendProps): JSX.Element {
  return (
    <div class="mig-legends" data-testid="mig-legend">
      <ColorLegend {...props} />
      {props.asked.color === "arrival" && <OrderLegend {...props} />}
      <MarkLegend {...props} />
    </div>
  );
}

interface ClassCounts {
  readonly entry: LegendEntry;
  readonly words: readonly string[];
}

/** Classes that occur, with the counts of each side. */
function ColorLegend({ panes }: LegendProps): JSX.Element {
  const found = new Map<string, ClassCounts>();
  for (const side of SIDES) {
    const pane = panes[side];
    pane?.followCells();
    const picture = pane?.picture.value;
    if (!picture?.complete) continue;
    for (const entry of legendLines(picture, picture.paints(theme.value))) {
      if (entry.key.startsWith("order-")) continue;
      const before = found.get(entry.key)?.words ?? [];
      found.set(entry.key, { entry, words: [...before, `${side} ${integer(entry.count)}`] });
    }
  }
  return (
    <ul class="mig-legend" aria-label="colours">
      {[...found.values()].map(({ entry, words }) => (
        <li key={entry.key} data-key={entry.key}>
          <Swatch paint={entry} /> {entry.label} <span class="muted">{words.join(" · ")}</span>
        </li>
      ))}
    </ul>
  );
}

/** The scale of the order, with when its classes began. */
function OrderLegend({ migrating, panes, state }: LegendProps): JSX.Element | null {
  const picture = panes.destination?.picture.value;
  // Times come with the log.
  if (!picture?.painted || migrating.logged.value === 0) {
    const words =
      state.arrivals > 0 ? "The log of arrivals is on its way." : "No arrival was seen yet.";
    return <p class="mig-legend muted">{words}</p>;
  }
  const paints = picture.paints(theme.value);
  const log = migrating.log.value;
  const zero = zeroOf(state);
  const classes = Array.from({ length: ORDER_CLASSES }, (_, at) => FIRST_CLASS + at);
  const known = classes.filter((order) => log.timesOf(order) !== null);
  return (
    <div class="mig-order" data-testid="order-legend">
      <span class="muted">arrived, from first to last; seconds after {zero.words}</span>
      <ol>
        {known.map((order) => {
          const times = log.timesOf(order);
          const paint = paints[order];
          if (times === null || paint === undefined) return null;
          const span = `${sinceWords(times.firstS, zero.atS)} to ${sinceWords(times.lastS, zero.atS)}`;
          return (
            <li key={order} title={`${paint.label}: ${span}`}>
              <Swatch paint={paint} /> {sinceWords(times.firstS, zero.atS)}
            </li>
          );
        })}
        <li class="muted">
          last {sinceWords(log.timesOf(known.at(-1) ?? FIRST_CLASS)?.lastS ?? 0, zero.atS)}
        </li>
      </ol>
    </div>
  );
}

/** What lies over the cells; all of it is at the destination. */
function MarkLegend({ migrating, state, dark, limits }: LegendProps): JSX.Element {
  const { demand, fault } = migrating.counts;
  const unwatched = unwatchedWords(state, limits);
  return (
    <ul class="mig-legend" aria-label="marks">
      <li>
        <span class="mig-dot" aria-hidden="true" /> demanded, inferred from the order{" "}
        <span class="muted">{integer(demand)}</span>
      </li>
      <li>
        {unwatched !== null ? (
          <span class="muted" data-testid="no-faults">
            faults at the destination: {unwatched}
          </span>
        ) : (
          <>
            <span class="mig-dot mig-dot-seen" aria-hidden="true" /> demanded, a fault was seen{" "}
            <span class="muted">{integer(fault)}</span>
          </>
        )}
      </li>
      {unwatched === null && (
        <li>
          <span class="mig-dark-swatch" aria-hidden="true" /> dark: a fault waits for it{" "}
          <span class="muted">{integer(dark)}</span>
        </li>
      )}
    </ul>
  );
}
