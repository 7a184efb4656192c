/** Where a finding, or a line of a report, leads on this page. */
import { mapHash } from "./route";
import type { HostSummary } from "../wire/types";
import { cellOfAddress, type CellSpan } from "../lib/geometry";

/** A mapping and what is meant of it: the cells, or the cell that holds the address `at`, or all of it. */
export interface Place {
  readonly pid: number;
  readonly start: number;
  readonly first?: number;
  readonly count?: number;
  readonly at?: number | null;
}

/** Link to a place; null where this host has no such mapping now. */
export function placeHash(host: HostSummary, place: Place): string | null {
  const process = host.processes.find((one) => one.pid === place.pid);
  const mapping = process?.mappings.find((one) => one.start === place.start);
  if (mapping === undefined) return null;
  const address = { hostId: host.host_id, pid: place.pid, start: place.start };
  return mapHash(address, { cells: spanOf(place, mapping.page_size) });
}

function spanOf({ start, at, first, count }: Place, pageSize: number): CellSpan | null {
  if (at != null) return { first: cellOfAddress(start, pageSize, at), count: 1 };
  return count ? { first: first ?? 0, count } : null;
}
