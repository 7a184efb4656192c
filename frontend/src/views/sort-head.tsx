/** The head of a column that sorts its table. */
import type { JSX } from "preact";
import { nextSort, parseSorting, type SortKey } from "../lib/process-lines";
import { hostHash, latest, type OverviewRoute } from "../state/route";

/** A button in a column's head; the address keeps what it sorts by. */
export function SortHead(props: {
  readonly route: OverviewRoute;
  readonly by: SortKey;
  readonly label: string;
  readonly class?: string;
}): JSX.Element {
  const { route, by, label } = props;
  const sorting = parseSorting(route.sort);
  const order = sorting?.key !== by ? "none" : sorting.descending ? "descending" : "ascending";
  return (
    <th scope="col" class={props.class} aria-sort={order}>
      <button
        type="button"
        class="sort"
        data-testid={`sort-${by}`}
        onClick={() => {
          showOverview(route, { sort: nextSort(parseSorting(latest(route).sort), by) });
        }}
      >
        {label}
      </button>
    </th>
  );
}

/** Show the same with other fields, without another entry in the history. */
export function showOverview(route: OverviewRoute, change: { q?: string; sort?: string }): void {
  window.location.replace(hostHash(route.hostId, { ...latest(route), ...change }));
}
