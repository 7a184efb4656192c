/** Processes as the overview lists them: named, searched and sorted. */
import type { HostSummary, MappingSummary, ProcessName, ProcessSummary } from "../wire/types";
import { address } from "./format";
import { processTitle } from "./process-title";

export { processTitle };

export const SORT_KEYS = ["name", "pid", "processes", "size", "present", "share"] as const;
export type SortKey = (typeof SORT_KEYS)[number];

export interface Sorting {
  readonly key: SortKey;
  readonly descending: boolean;
}

/** Sizes of some mappings together, in bytes. */
export interface Sums {
  readonly size: number;
  readonly present: number;
}

/** A row: a mapping, or the sum of all mappings of a process that has several. */
export interface Line {
  readonly process: ProcessSummary;
  readonly mapping: MappingSummary | null;
  readonly sums: Sums;
}

const NAME_SOURCES: Readonly<Record<ProcessName["source"], string>> = {
  qemu: "QEMU’s -name",
  libvirt: "libvirt’s domain",
  "cloud-hypervisor": "Cloud Hypervisor",
  firecracker: "Firecracker’s --id",
  crosvm: "crosvm",
  cmdline: "its command line",
  demo: "HugeScope’s own demo",
};

/** Where a name that is not the comm was read. */
export function nameSource(name: ProcessName): string {
  const what = name.kind === "vm" ? "virtual machine" : "process";
  return `${what}, named by ${NAME_SOURCES[name.source]}`;
}

/** `sort` of the address: a key, with a minus before it where the largest comes first; null: as it comes. */
export function parseSorting(text: string): Sorting | null {
  const descending = text.startsWith("-");
  const key = SORT_KEYS.find((known) => known === text.slice(descending ? 1 : 0));
  return key === undefined ? null : { key, descending };
}

/** What `sort` becomes when a column's head is used: its natural direction, then the other, then as it comes. */
export function nextSort(now: Sorting | null, key: SortKey): string {
  const falls = key !== "name" && key !== "pid";
  const text = (descending: boolean): string => (descending ? `-${key}` : key);
  if (now?.key !== key) return text(falls);
  return now.descending === falls ? text(!falls) : "";
}

/** Sizes of these mappings. */
export function sumsOf(mappings: readonly MappingSummary[]): Sums {
  let [size, present] = [0, 0];
  for (const mapping of mappings) {
    size += mapping.end - mapping.start;
    present += mapping.mapped_bytes;
  }
  return { size, present };
}

/** The mappings that match all words of a search, by process; a process that matches keeps all of its own. */
export function found(
  processes: readonly ProcessSummary[],
  query: string,
): readonly ProcessSummary[] {
  const words = wordsOf(query);
  if (words.length === 0) return processes;
  return processes.flatMap((process) => {
    const own = [process.name?.name ?? "", process.comm ?? "", String(process.pid)];
    const left = words.filter((word) => !own.some((text) => text.toLowerCase().includes(word)));
    const mappings = process.mappings.filter((mapping) =>
      left.every((word) => mappingHas(mapping, word)),
    );
    return mappings.length === 0 ? [] : [{ ...process, mappings }];
  });
}

/** Hosts that have the words in their name, or mappings that match. */
export function foundHosts(hosts: readonly HostSummary[], query: string): readonly HostSummary[] {
  return hosts.filter((host) => {
    const left = queryWithin(host, query);
    return left === "" || found(host.processes, left).length > 0;
  });
}

/** What is left to search for within a host once its name answers its part of a search. */
export function queryWithin(host: HostSummary, query: string): string {
  const name = `${host.host.name ?? ""} ${host.host_id}`.toLowerCase();
  return wordsOf(query)
    .filter((word) => !name.includes(word))
    .join(" ");
}

/** Rows of these processes; what is sorted is the process, and its mappings the same way within it. */
export function linesOf(processes: readonly ProcessSummary[], sorting: Sorting | null): Line[] {
  const all = processes.map((process) => {
    const lines = process.mappings.map((mapping) => ({
      process,
      mapping,
      sums: sumsOf([mapping]),
    }));
    return { process, lines, sums: sumsOf(process.mappings) };
  });
  if (sorting !== null) {
    const { key } = sorting;
    sortBy(all, sorting, (one) =>
      key === "name"
        ? processTitle(one.process)
        : key === "pid"
          ? one.process.pid
          : measure(one.sums, key),
    );
    for (const { lines } of all) sortBy(lines, sorting, (line) => measure(line.sums, key));
  }
  return all.flatMap(({ process, lines, sums }) =>
    lines.length > 1 ? [{ process, mapping: null, sums }, ...lines] : lines,
  );
}

/** Hosts in this order. */
export function sortedHosts(
  hosts: readonly HostSummary[],
  sorting: Sorting | null,
): readonly HostSummary[] {
  if (sorting === null) return hosts;
  const { key } = sorting;
  const sorted = hosts.map((host) => ({
    host,
    by:
      key === "name"
        ? (host.host.name ?? host.host_id)
        : key === "processes"
          ? host.processes.length
          : measure(sumsOf(mappingsOf(host)), key),
  }));
  sortBy(sorted, sorting, (one) => one.by);
  return sorted.map((one) => one.host);
}

/** All mappings of a host. */
export function mappingsOf(host: Pick<HostSummary, "processes">): MappingSummary[] {
  return host.processes.flatMap((process) => process.mappings);
}

function wordsOf(query: string): string[] {
  return query.toLowerCase().split(/\s+/).filter(Boolean);
}

function mappingHas(mapping: MappingSummary, word: string): boolean {
  if (mapping.backing.name?.toLowerCase().includes(word)) return true;
  if (address(mapping.start).includes(word)) return true;
  if (!/^0x[0-9a-f]{1,16}$/.test(word)) return false;
  const va = Number(word);
  return mapping.start <= va && va < mapping.end;
}

function measure(sums: Sums, key: SortKey): number {
  if (key === "size") return sums.size;
  if (key === "present") return sums.present;
  return key === "share" ? sums.present / sums.size : 0;
}

/** In place and stable: what is equal stays as it came. */
function sortBy<T>(all: T[], sorting: Sorting, by: (one: T) => string | number): void {
  const sign = sorting.descending ? -1 : 1;
  all.sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    if (typeof x === "string" && typeof y === "string") return sign * NAMES.compare(x, y);
    return sign * (Number(x) - Number(y));
  });
}

/** vm-9 before vm-10. */
const NAMES = new Intl.Collator("en", { numeric: true });
