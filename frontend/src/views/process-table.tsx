/** Processes and their mappings; each mapping leads to its map. */
import { useState } from "preact/hooks";
import type { JSX } from "preact";
import { address, bytes, integer, percent } from "../lib/format";
import { mapHash } from "../state/route";
import type { Backing, MappingSummary, ProcessSummary } from "../wire/types";
import { CompositionBar } from "./composition-bar";

/** A table of more rows costs more to update than it tells. */
const ROWS_A_PAGE = 40;

interface Line {
  readonly process: ProcessSummary;
  readonly mapping: MappingSummary;
  readonly first: boolean;
}

/** All mappings of a host by process, forty at a time. */
export function ProcessTable(props: {
  readonly hostId: string;
  readonly processes: readonly ProcessSummary[];
}): JSX.Element {
  const [page, setPage] = useState(0);
  const all = props.processes.flatMap((process) =>
    process.mappings.map((mapping) => ({ process, mapping })),
  );
  if (all.length === 0) {
    return (
      <p class="muted" data-testid="no-processes">
        No process maps huge pages from the pools now.
      </p>
    );
  }
  const pages = Math.ceil(all.length / ROWS_A_PAGE);
  const shown = Math.min(page, pages - 1);
  const lines: Line[] = all
    .slice(shown * ROWS_A_PAGE, (shown + 1) * ROWS_A_PAGE)
    .map((line, at, some) => ({ ...line, first: some[at - 1]?.process.pid !== line.process.pid }));
  return (
    <div class="table-box">
      <table class="mappings" data-testid="processes">
        <thead>
          <tr>
            <th scope="col">mapping</th>
            <th scope="col">pages</th>
            <th scope="col">backing</th>
            <th scope="col" class="number">
              cells
            </th>
            <th scope="col" class="number">
              present
            </th>
            <th scope="col" class="number">
              of size
            </th>
            <th scope="col" class="wide">
              states
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.flatMap((line) => [
            line.first && <ProcessRow key={line.process.pid} process={line.process} />,
            <MappingRow
              key={`${line.process.pid}/${line.mapping.start}`}
              hostId={props.hostId}
              pid={line.process.pid}
              mapping={line.mapping}
            />,
          ])}
        </tbody>
      </table>
      {pages > 1 && <Pager page={shown} pages={pages} total={all.length} go={setPage} />}
    </div>
  );
}

function ProcessRow({ process }: { readonly process: ProcessSummary }): JSX.Element {
  const size = process.mappings.reduce((sum, mapping) => sum + mapping.end - mapping.start, 0);
  const present = process.mappings.reduce((sum, mapping) => sum + mapping.mapped_bytes, 0);
  const count = process.mappings.length;
  return (
    <tr class="process" data-testid="process">
      <th scope="rowgroup" colSpan={7}>
        <span class="process-name">{process.comm ?? "(name unknown)"}</span>{" "}
        <span class="muted">
          pid {process.pid} · {bytes(present)} of {bytes(size)} in{" "}
          {count === 1 ? "one mapping" : `${integer(count)} mappings`}
        </span>
      </th>
    </tr>
  );
}

function MappingRow(props: {
  readonly hostId: string;
  readonly pid: number;
  readonly mapping: MappingSummary;
}): JSX.Element {
  const { hostId, pid, mapping } = props;
  const size = mapping.end - mapping.start;
  return (
    <tr class="mapping" data-testid="mapping">
      <td class="mapping-address">
        <a
          href={mapHash({ hostId, pid, start: mapping.start }, "state")}
          data-testid="mapping-link"
        >
          {address(mapping.start)}
          <wbr />
          <span class="range-end">–{address(mapping.end)}</span>
        </a>
      </td>
      <td>
        {bytes(mapping.page_size)}
        {mapping.kind === "thp" && " THP"}
      </td>
      <td class="mapping-backing">
        <BackingWords backing={mapping.backing} shared={mapping.shared} />
      </td>
      <td class="number mapping-cells">{integer(mapping.cell_count)}</td>
      <td class="number" data-testid="mapping-present">
        {bytes(mapping.mapped_bytes)}
      </td>
      <td class="number muted">{percent(mapping.mapped_bytes, size)}</td>
      <td class="wide">
        <CompositionBar counts={mapping.state_counts} pageSize={mapping.page_size} />
      </td>
    </tr>
  );
}

/** What a mapping maps, in words. */
export function BackingWords(props: {
  readonly backing: Backing;
  readonly shared: boolean;
}): JSX.Element {
  const { kind, name } = props.backing;
  return (
    <>
      {props.shared ? "shared" : "private"} {kind}
      {name !== null && (
        <>
          {" "}
          <span class="mono name" title={name}>
            {name}
          </span>
        </>
      )}
    </>
  );
}

function Pager(props: {
  readonly page: number;
  readonly pages: number;
  readonly total: number;
  readonly go: (page: number) => void;
}): JSX.Element {
  const { page, pages, total, go } = props;
  const first = page * ROWS_A_PAGE + 1;
  const last = Math.min(total, first + ROWS_A_PAGE - 1);
  return (
    <p class="pager">
      <button
        type="button"
        disabled={page === 0}
        onClick={() => {
          go(page - 1);
        }}
      >
        previous
      </button>
      <span>
        mappings {integer(first)}–{integer(last)} of {integer(total)}
      </span>
      <button
        type="button"
        disabled={page === pages - 1}
        onClick={() => {
          go(page + 1);
        }}
      >
        next
      </button>
    </p>
  );
}
