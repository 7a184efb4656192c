/** Processes and their mappings; each mapping leads to its map. */
import type { JSX } from "preact";
import { address, bytes, integer, percent } from "../lib/format";
import {
  found,
  linesOf,
  nameSource,
  parseSorting,
  processTitle,
  type Line,
} from "../lib/process-lines";
import { mapHash, type OverviewRoute } from "../state/route";
import { CellState } from "../wire/generated";
import type { MappingSummary, ProcessSummary } from "../wire/types";
import { BackingWords } from "./backing-words";
import { usePages } from "./pager";
import { SortHead } from "./sort-head";
import { Thumb, type FollowedPlace } from "./thumb";

interface TableProps extends FollowedPlace {
  readonly route: OverviewRoute;
  readonly processes: readonly ProcessSummary[];
}

/** The mappings of a host that are searched for, by process, forty rows at a time. */
export function ProcessTable(props: TableProps): JSX.Element {
  const { route, processes } = props;
  const lines = linesOf(found(processes, route.q), parseSorting(route.sort));
  const [rows, pager] = usePages(lines, `${route.q} ${route.sort}`, "rows");
  if (lines.length === 0) {
    return (
      <p class="muted" data-testid="no-processes">
        {processes.length === 0
          ? "No process maps huge pages from the pools now."
          : `Nothing here matches “${route.q}”.`}
      </p>
    );
  }
  return (
    <div class="table-box">
      <table class="mappings" data-testid="processes">
        <TableHead route={route} />
        <tbody>
          {rows.map((line, at) => (
            <Row
              {...props}
              key={`${line.process.pid}/${line.mapping?.start ?? "all"}`}
              line={line}
              first={rows[at - 1]?.process.pid !== line.process.pid}
            />
          ))}
        </tbody>
      </table>
      {pager}
    </div>
  );
}

function TableHead({ route }: { readonly route: OverviewRoute }): JSX.Element {
  return (
    <thead>
      <tr>
        <SortHead route={route} by="name" label="name" />
        <SortHead route={route} by="pid" label="pid" />
        <th scope="col">mapping</th>
        <th scope="col">pages</th>
        <th scope="col">backing</th>
        <SortHead route={route} by="size" label="size" class="number" />
        <SortHead route={route} by="present" label="present" class="number" />
        <SortHead route={route} by="share" label="share" class="number" />
        <th scope="col" class="thumb-cell">
          map
        </th>
      </tr>
    </thead>
  );
}

function Row(props: FollowedPlace & { readonly line: Line; readonly first: boolean }): JSX.Element {
  const { process, mapping, sums } = props.line;
  return (
    <tr class={props.first ? "mapping begins" : "mapping"} data-testid="mapping">
      <td class="mapping-process">{props.first && <ProcessWords process={process} />}</td>
      <td class="mapping-pid muted" data-testid="mapping-pid">
        {props.first && `pid ${process.pid}`}
      </td>
      {mapping === null ? (
        <td class="mapping-sum muted" colSpan={3}>
          {integer(process.mappings.length)} mappings
        </td>
      ) : (
        <MappingCells hostId={props.hostId} pid={process.pid} mapping={mapping} />
      )}
      <td class="number mapping-size">{bytes(sums.size)}</td>
      <td class="number mapping-present" data-testid="mapping-present">
        {bytes(sums.present)}
      </td>
      <td class="number mapping-share muted">{percent(sums.present, sums.size)}</td>
      <td class="thumb-cell">{mapping && <MapLink {...props} mapping={mapping} />}</td>
    </tr>
  );
}

function ProcessWords({ process }: { readonly process: ProcessSummary }): JSX.Element {
  const { name, comm } = process;
  return (
    <>
      <span class="process-name" title={name ? nameSource(name) : undefined}>
        {processTitle(process)}
      </span>
      {name && (
        <>
          {" "}
          {name.kind === "vm" && <span class="tag muted">VM</span>}{" "}
          <span class="process-comm muted">{comm}</span>
        </>
      )}
    </>
  );
}

function MappingCells(props: {
  readonly hostId: string;
  readonly pid: number;
  readonly mapping: MappingSummary;
}): JSX.Element {
  const { hostId, pid, mapping } = props;
  return (
    <>
      <th scope="row" class="mapping-address">
        <a href={mapHash({ hostId, pid, start: mapping.start })} data-testid="mapping-link">
          {address(mapping.start)}
          <wbr />
          <span class="range-end">–{address(mapping.end)}</span>
        </a>
      </th>
      <td class="mapping-pages">
        {bytes(mapping.page_size)}
        {mapping.kind === "thp" && " THP"}
      </td>
      <td class="mapping-backing">
        <BackingWords backing={mapping.backing} shared={mapping.shared} />
      </td>
    </>
  );
}

/** The way to the map that shows what is there. The address beside it is the one for keyboards. */
function MapLink(
  props: FollowedPlace & { readonly line: Line; readonly mapping: MappingSummary },
): JSX.Element {
  const { hostId, mapping } = props;
  const counts = mapping.state_counts;
  const poisoned = counts[CellState.POISONED] ?? 0;
  const migrating = counts[CellState.MIGRATING] ?? 0;
  const { pid } = props.line.process;
  return (
    <>
      <a class="thumb-link" tabIndex={-1} href={mapHash({ hostId, pid, start: mapping.start })}>
        <Thumb {...props} mapping={mapping} />
      </a>
      {poisoned > 0 && <span class="tag tag-gone">{integer(poisoned)} poisoned</span>}
      {migrating > 0 && <span class="tag tag-late">{integer(migrating)} in flight</span>}
    </>
  );
}
