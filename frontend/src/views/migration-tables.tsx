/** Pages that were demanded, by how long they were missing; and what the same demand were at other page sizes. */
import type { JSX } from "preact";
import { address, bytes, integer, NOTHING } from "../lib/format";
import type { Migrating } from "../state/migration";
import { sinceWords, spanWords, zeroOf } from "../state/migration-words";
import type { MigrationState } from "../wire/types";
import { ScrolledTable, type Head } from "./migration-table";

const MOST_ROWS = 40;

interface DemandProps {
  readonly migrating: Migrating;
  readonly state: MigrationState;
  readonly nowMs: number;
}

/** The table of demanded pages; what is dark comes first and counts on. */
export function DemandTable({ migrating, state, nowMs }: DemandProps): JSX.Element {
  const rows = state.demanded.slice(0, MOST_ROWS);
  const agoS = migrating.agoS(nowMs);
  return (
    <section class="mig-panel" aria-label="demanded pages" data-testid="demanded">
      <h3>Demanded pages, by how long they were missing</h3>
      {rows.length === 0 ? (
        <p class="muted">No page was seen to be demanded.</p>
      ) : (
        <ScrolledTable label="demanded pages" head={DEMAND_HEAD}>
          {rows.map((one) => (
            <DemandRow key={`${one.block}/${one.cell}`} {...{ state, one, agoS }} />
          ))}
        </ScrolledTable>
      )}
      {state.demanded.length > rows.length && (
        <p class="muted">The {integer(rows.length)} that were missing longest.</p>
      )}
    </section>
  );
}

const DEMAND_HEAD: readonly Head[] = [
  ["page"],
  ["RAM offset"],
  ["missing", "number"],
  ["since a fault", "number"],
  ["came", "number"],
  ["demanded"],
];

function DemandRow(props: {
  readonly state: MigrationState;
  readonly one: MigrationState["demanded"][number];
  readonly agoS: number;
}): JSX.Element {
  const { state, one, agoS } = props;
  const block = state.blocks[one.block];
  const dark = one.arrived_s === null;
  const onS = dark ? agoS : 0;
  const name = state.blocks.length > 1 ? `${block?.backend ?? `block ${one.block}`} ` : "";
  const came = one.arrived_s === null ? "dark" : sinceWords(one.arrived_s, zeroOf(state).atS);
  return (
    <tr class={dark ? "mig-gone" : ""}>
      <th scope="row">
        {name}
        {integer(one.cell)}
      </th>
      <td class="mono">{block ? address(block.offset + one.cell * block.page_size) : NOTHING}</td>
      <td class="number">{spanWords(one.missing_s + onS)}</td>
      <td class="number">{one.stalled_s === null ? NOTHING : spanWords(one.stalled_s + onS)}</td>
      <td class="number">{came}</td>
      <td class="muted">{one.inferred ? "inferred" : "fault seen"}</td>
    </tr>
  );
}

const WHAT_IF_HEAD: readonly Head[] = [
  ["page size"],
  ["pages demanded", "number"],
  ["bytes", "number"],
  ["one fault waits", "number"],
  ["all of them", "number"],
];

/** Computed from the demand that was seen, and marked so. */
export function WhatIfTable({ state }: { readonly state: MigrationState }): JSX.Element {
  return (
    <section class="mig-panel" aria-label="at other page sizes" data-testid="what-if">
      <h3>
        At other page sizes <span class="tag tag-late">computed, not seen</span>
      </h3>
      {state.what_if.length === 0 ? (
        <p class="muted">Nothing to compute from yet: it takes demanded pages and a rate.</p>
      ) : (
        <>
          <ScrolledTable label="at other page sizes" head={WHAT_IF_HEAD}>
            {state.what_if.map((one) => (
              <tr key={one.page_size} class={one.actual ? "mig-actual" : ""}>
                <th scope="row">
                  {bytes(one.page_size)} {one.actual && <span class="tag">this VM</span>}
                </th>
                <td class="number">{integer(one.pages)}</td>
                <td class="number">{bytes(one.bytes)}</td>
                <td class="number">{spanWords(one.wait_s)}</td>
                <td class="number">{spanWords(one.total_wait_s)}</td>
              </tr>
            ))}
          </ScrolledTable>
          <p class="muted">
            The addresses that were demanded, fetched in pages of each size at the rate measured on
            this link, one after another.
          </p>
        </>
      )}
    </section>
  );
}
