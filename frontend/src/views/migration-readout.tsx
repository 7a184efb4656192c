/** What is known of the page that is pointed at, or else selected, at both ends: one line, always in its place. */
import type { JSX } from "preact";
import { address, integer, NOTHING } from "../lib/format";
import { cellAt } from "../lib/geometry";
import { stateWords } from "../lib/words";
import type { Migrating } from "../state/migration";
import type { Linked } from "../state/linked";
import type { PaneStore } from "../state/migration-pane";
import type { MigrationAddress } from "../state/migration-route";
import { arrivalWords, physicalOf, SIDES, zeroOf, type Side } from "../state/migration-words";
import type { MigrationState } from "../wire/types";

interface ReadoutProps {
  readonly migrating: Migrating;
  readonly panes: Readonly<Record<Side, PaneStore | null>>;
  readonly asked: MigrationAddress;
  readonly state: MigrationState;
  readonly linked: Linked<Side>;
  readonly number: number;
}

/** The line, and the same for who listens. */
export function MigrationReadout(props: ReadoutProps): JSX.Element {
  const { linked, panes, asked, state, number } = props;
  const picture = panes.destination?.picture.value ?? panes.source?.picture.value ?? null;
  const entry = linked.cursor.value?.entry;
  const here = entry && picture ? cellAt(picture.geometry, entry.row, entry.column) : null;
  const shown = here ?? asked.cells?.first ?? null;
  const block = state.blocks[number];
  if (shown === null || block === undefined || shown >= block.pages) {
    return (
      <p class="linked-readout mig-readout muted" data-testid="readout">
        Point at a page, or move over the pages with the arrow keys: it is ringed on both sides.
      </p>
    );
  }
  const many = here === null && asked.cells !== null && asked.cells.count > 1;
  const offset = block.offset + shown * block.page_size;
  const physical = physicalOf(offset, block.low_bytes);
  const facts: readonly (readonly [string, string])[] = [
    ["RAM offset", address(offset)],
    ["guest physical", physical === null ? NOTHING : `${address(physical)} (inferred)`],
    ...SIDES.map((side) => [side, sideWords(props, side, shown)] as const),
  ];
  const title = `page ${integer(shown)}${block.backend === null ? "" : ` of ${block.backend}`}`;
  const last = asked.cells ? asked.cells.first + asked.cells.count - 1 : shown;
  const spoken = linked.cursor.value?.by === "keyboard";
  return (
    <>
      <dl class="linked-readout mig-readout" data-testid="readout">
        <div>
          <dt>{many ? `selected to ${integer(last)}` : here === null ? "selected" : "here"}</dt>
          <dd>
            <b>{title}</b>
          </dd>
        </div>
        {facts.map(([term, value]) => (
          <div key={term} data-fact={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p class="unseen" aria-live="polite" data-testid="readout-live">
        {spoken && [title, ...facts.map(([term, value]) => `${term} ${value}`)].join("; ")}
      </p>
    </>
  );
}

/** The state of a page at one end; at the destination how it came there, too. */
function sideWords(
  { migrating, panes, state, number }: ReadoutProps,
  side: Side,
  cell: number,
): string {
  const pane = panes[side];
  pane?.followCells();
  const found = pane?.picture.value?.recordOf(cell);
  if (!found || pane?.picture.value?.complete !== true) return "unknown: not loaded";
  const words = stateWords(found.cells.state(found.at), state.summary.page_size);
  if (side === "source" || migrating.logged.value === 0) return words;
  const came = arrivalWords(migrating.log.value, number, cell, zeroOf(state).atS);
  return came === null ? words : `${words}; ${came}`;
}
