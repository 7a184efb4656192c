/** The numbers of a migration: how far it is, what the switch-over cost, and what QEMU says itself. */
import type { JSX } from "preact";
import { bytes, decimal, integer, NOTHING } from "../lib/format";
import type { Migrating } from "../state/migration";
import { ended } from "../state/migration";
import { failsWords, marginWords } from "../state/migration-collapse";
import {
  pagesWords,
  rateWords,
  shareWords,
  spanWords,
  timeLeftWords,
  zeroOf,
  sinceWords,
  unwatchedWords,
} from "../state/migration-words";
import type { Limit, MigrationState, QmpReading } from "../wire/types";
import { ScrolledTable, type Head } from "./migration-table";

interface FiguresProps {
  readonly migrating: Migrating;
  readonly state: MigrationState;
  readonly nowMs: number;
}

type Fact = readonly [term: string, value: string, name?: string, tone?: "late" | "gone" | null];

function Facts(props: { readonly facts: readonly Fact[] }): JSX.Element {
  return (
    <dl class="mig-facts">
      {props.facts.map(([term, value, name, tone]) => (
        <div key={term} class={tone ? `mig-${tone}` : ""}>
          <dt>{term}</dt>
          <dd data-testid={name && `figure-${name}`}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** How far it is and how fast. */
export function MigrationFigures({
  migrating,
  state,
  limits,
}: Omit<FiguresProps, "nowMs"> & { readonly limits: readonly Limit[] }): JSX.Element {
  const { summary } = state;
  const { pages, page_size: size } = summary;
  const last = migrating.points.value.at(-1);
  const over = ended(state);
  const rate = (value: number | undefined): string => {
    if (over) return "0 pages/s: it is over";
    const seen = value !== undefined && summary.destination?.gone === false;
    return seen ? `${decimal(value)} pages/s` : NOTHING;
  };
  const present = (side: "source" | "destination"): string => {
    const end = summary[side];
    return end === null ? "not known" : shareWords(end.present_pages, pages);
  };
  return (
    <section class="mig-panel" aria-label="figures" data-testid="figures">
      <h3>Figures</h3>
      <Facts
        facts={[
          ["present at the source", present("source"), "source"],
          ["present at the destination", present("destination"), "destination"],
          [over ? "did not come" : "still to come", pagesWords(state.left, size), "left"],
          ["time left", timeLeftWords(state), "time-left"],
          ["in order, now", rate(last?.sweep), "sweep"],
          ["demanded, now", rate(last?.demand), "demand"],
          [
            "came since the switch-over",
            `${integer(state.sweep)} in order, ${integer(state.demand)} demanded`,
            "came",
          ],
          ["came before it", pagesWords(state.precopied, size), "precopied"],
          ["rate in post-copy", rateWords(state.rate_bytes_per_s), "rate"],
          ["faults seen", unwatchedWords(state, limits) ?? integer(state.faults ?? 0), "faults"],
          [
            "the source grew by",
            pagesWords(state.inflated_pages, size),
            "inflated",
            state.inflated_pages > 0 ? "late" : null,
          ],
        ]}
      />
    </section>
  );
}

/** What the switch-over cost. */
export function MigrationCollapse({ migrating, state, nowMs }: FiguresProps): JSX.Element {
  const { collapse } = state;
  return (
    <section class="mig-panel" aria-label="switch-over" data-testid="collapse">
      <h3>Switch-over</h3>
      {collapse === null ? (
        <p class="muted">No present page was seen to be punched out at the destination.</p>
      ) : (
        <CollapseFacts {...{ migrating, state, nowMs, collapse }} />
      )}
    </section>
  );
}

function CollapseFacts(
  props: FiguresProps & { readonly collapse: NonNullable<MigrationState["collapse"]> },
): JSX.Element {
  const { state, collapse, migrating, nowMs } = props;
  const { page_size: size } = state.summary;
  const count = (value: number | null): string =>
    value !== null
      ? integer(value)
      : collapse.left === null
        ? "not known: the pool was not seen"
        : "not known";
  const { margin } = collapse;
  const over = ended(state);
  const fails = failsWords(collapse, over, migrating.serverS(nowMs));
  const short = margin !== null && margin < 0 && !over;
  return (
    <Facts
      facts={[
        ["seen", sinceWords(collapse.at_s, zeroOf(state).atS), "collapsed"],
        ["punched out", pagesWords(collapse.punched, size), "punched"],
        ["lost their reservation", count(collapse.reservations_lost), "reservations"],
        ["to come without reservation", count(collapse.without_reservation), "unreserved"],
        ["left in the pool for others", count(collapse.left), "pool"],
        ["others may take", marginWords(collapse, over), "margin", short ? "gone" : null],
        ["would fail", fails, "fails", !over && collapse.fails_at_s !== null ? "gone" : null],
      ]}
    />
  );
}

type Row = readonly [term: string, ours: string, of: (said: QmpReading) => string];

const known = (value: number | null, words: (value: number) => string): string =>
  value === null ? NOTHING : words(value);
const ms = (value: number | null): string => known(value, (count) => spanWords(count / 1000));

const QEMU_HEAD: readonly Head[] = [
  ["what"],
  ["seen from outside"],
  ["the source’s QEMU says"],
  ["the destination’s QEMU says"],
];

/** QEMU's own figures beside what was seen from outside; nothing where nobody asks a QEMU. */
export function MigrationQemu({ state }: { readonly state: MigrationState }): JSX.Element | null {
  const { source, destination, page_size: size } = state.summary;
  const said = [source?.qmp ?? null, destination?.qmp ?? null];
  if (said.every((one) => one === null)) return null;
  const rows: readonly Row[] = [
    ["status", state.summary.phase, (one) => one.status ?? NOTHING],
    ["guest", NOTHING, (one) => one.run_state ?? NOTHING],
    ["left", bytes(state.left * size), (one) => known(one.remaining_bytes, bytes)],
    ["transferred", NOTHING, (one) => known(one.transferred_bytes, bytes)],
    [
      "rate",
      rateWords(state.rate_bytes_per_s),
      (one) => known(one.mbps, (rate) => rateWords((rate * 1e6) / 8)),
    ],
    [
      "requests, demanded pages",
      integer(state.demand),
      (one) => known(one.postcopy_requests, integer),
    ],
    ["rounds of dirty pages", NOTHING, (one) => known(one.dirty_sync_count, integer)],
    ["total time", NOTHING, (one) => ms(one.total_time_ms)],
    ["downtime", NOTHING, (one) => ms(one.downtime_ms)],
    ["error", NOTHING, (one) => one.fault ?? one.error ?? NOTHING],
  ];
  return (
    <section class="mig-panel mig-wide" aria-label="QEMU’s own figures" data-testid="qmp">
      <h3>QEMU’s own figures</h3>
      <ScrolledTable label="QEMU’s own figures" head={QEMU_HEAD}>
        {rows.map(([term, ours, of]) => (
          <tr key={term}>
            <th scope="row">{term}</th>
            <td>{ours}</td>
            {said.map((one, at) => (
              <td key={at}>{one === null ? "not asked" : of(one)}</td>
            ))}
          </tr>
        ))}
      </ScrolledTable>
    </section>
  );
}
