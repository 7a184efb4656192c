/** The longer lists of a host's report as plain tables; what is empty is left out. */
import type { HostReport, PoolAccount, ProcessRef } from "../wire/types";
import { fileWords, who } from "./ref-words";
import { address, bytes, integer } from "./format";
import type { Place } from "../state/places";

/** Text, a count, null for what is not known, or words that lead to a mapping. */
export type Cell = string | number | null | { readonly text: string; readonly place: Place };

export interface Listing {
  readonly title: string;
  /** Said beside the title. */
  readonly sum: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

type PoisonPlace = HostReport["poison"]["pages"][number]["places"][number];

/** What a process is called. */
export type Names = (pid: number) => string;

const MOST_NAMES = 4;
const KEPT_BY = {
  fd: "open fd",
  hugetlbfs: "file name",
  sysv: "detached segment",
  mapping: "mapping without page tables",
} as const;

function some(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return names.slice(0, MOST_NAMES).join(", ") + (more > 0 ? ` and ${integer(more)} more` : "");
}

function sure(text: string, inferred: boolean): string {
  return inferred ? `${text} (inferred)` : text;
}

function mappingCell(process: ProcessRef, start: number): Cell {
  return { text: `${who(process)} at ${address(start)}`, place: { pid: process.pid, start } };
}

function pages(count: number): string {
  return count === 1 ? "1 page" : `${integer(count)} pages`;
}

function sizeOrNull(count: number | null): string | null {
  return count === null ? null : bytes(count);
}

function total(counts: readonly number[]): string {
  return pages(counts.reduce((sum, count) => sum + count, 0));
}

const filled = (listings: readonly Listing[]): Listing[] =>
  listings.filter((listing) => listing.rows.length > 0);

/** The lists of one page size. `account` is the host's. */
export function poolListings(report: HostReport, account: PoolAccount, names: Names): Listing[] {
  const ofSize = <T extends { readonly page_size: number }>(all: readonly T[]): T[] =>
    all.filter((one) => one.page_size === account.page_size);
  const mapped = account.mapped_by ?? [];
  const holdings = ofSize(report.holdings);
  return filled([
    {
      title: "mapped by",
      sum: mapped.length === 1 ? "1 group" : `${integer(mapped.length)} groups`,
      head: ["exactly these processes", "pages"],
      rows: mapped.map((group) => [some(group.pids.map(names)), group.pages]),
    },
    {
      title: "kept without page tables",
      sum: total(holdings.map((holding) => holding.pages)),
      head: ["file", "pages", "kept by", "held by"],
      rows: holdings.map((holding) => [
        fileWords(holding.file),
        `${integer(holding.pages)} of ${integer(holding.file_pages)}`,
        sure(KEPT_BY[holding.by], holding.inferred),
        holding.holders.length === 0
          ? "nobody"
          : some(holding.holders.map((one) => who(one) + (one.fd === null ? "" : ` fd ${one.fd}`))),
      ]),
    },
    ...ofSize(report.reservations).flatMap(reservationListings),
    {
      title: "candidates for unattributed pages",
      sum: "guesses by name",
      head: ["candidate"],
      rows: account.candidates.map((candidate) => [candidate]),
    },
    cgroupListing(ofSize(report.cgroups)),
  ]);
}

function reservationListings(account: HostReport["reservations"][number]): Listing[] {
  const { owners, unattributed, unreserved, unreserved_pages: distinct } = account;
  const rest: Cell[][] =
    unattributed === null || unattributed === 0 ? [] : [["unattributed", unattributed, null]];
  return [
    {
      title: "reservations",
      sum: account.reserved === null ? "" : pages(account.reserved),
      head: ["owner", "reserved", "faulted"],
      rows: owners
        .map(({ process, start, file, owner, pages: count, faulted, inferred }): Cell[] => [
          process !== null && start !== null
            ? mappingCell(process, start)
            : `${owner} ${fileWords(file)}`,
          sure(integer(count), inferred),
          faulted,
        ])
        .concat(rest),
    },
    {
      title: "unfaulted and not reserved",
      sum: distinct === null ? "" : pages(distinct),
      head: ["mapping", "pages"],
      rows: unreserved.map((one) => [
        mappingCell(one.process, one.start),
        sure(integer(one.pages), one.inferred),
      ]),
    },
  ];
}

function cgroupListing(cgroups: HostReport["cgroups"]): Listing {
  const words = (used: number | null, most: number | null): string | null =>
    used === null ? null : `${bytes(used)}${most === null ? ", no limit" : ` of ${bytes(most)}`}`;
  return {
    title: "cgroup limits",
    sum: integer(cgroups.length),
    head: ["cgroup", "used", "reserved", "refused"],
    rows: cgroups.map((one) => [
      one.path,
      words(one.usage_bytes, one.limit_bytes),
      words(one.reserved_bytes, one.reserved_limit_bytes),
      one.failures,
    ]),
  };
}

/** The lists that belong to no one page size. */
export function hostListings(report: HostReport): Listing[] {
  return filled([
    poisonListing(report.poison),
    failureListing(report.poison),
    vmemmapListing(report.vmemmap),
    {
      title: "userfaultfd",
      sum: "",
      head: ["process", "fd", "waiting faults", "not yet read", "stalled for"],
      rows: [
        ...report.uffd_holders.map((one): Cell[] => [who(one), one.fd, one.total, one.pending, ""]),
        ...report.uffd_waiters.map((one): Cell[] => [
          who(one),
          "",
          one.threads,
          "",
          one.stalled_s === null ? null : `${one.stalled_s.toFixed(1)} s`,
        ]),
      ],
    },
    {
      title: "guest memory",
      sum: "mapped by no page table of this host",
      head: ["process", "fd", "size", "allocated"],
      rows: report.guest_memory.map((one) => [
        who(one),
        one.fd,
        sizeOrNull(one.size_bytes),
        sizeOrNull(one.allocated_bytes),
      ]),
    },
    {
      title: "KVM stage 2",
      sum: "pages of each VM by size",
      head: ["process", "4 KiB", "2 MiB", "1 GiB"],
      rows: report.stage2.map((one) => [who(one), one.pages_4k, one.pages_2m, one.pages_1g]),
    },
    {
      title: "asked for at boot",
      sum: "",
      head: ["page size", "node", "pages"],
      rows: report.boot.map((one) => [bytes(one.page_size), one.node ?? "all", one.pages]),
    },
  ]);
}

function poisonListing({ pages: lost }: HostReport["poison"]): Listing {
  const where = (place: PoisonPlace): Cell => ({
    text: sure(
      place.address === null
        ? `${who(place.process)}, somewhere from ${address(place.start)} on`
        : `${who(place.process)} at ${address(place.address)}`,
      place.inferred,
    ),
    place: { pid: place.process.pid, start: place.start, at: place.address },
  });
  return {
    title: "poisoned pages",
    sum: pages(lost.length),
    head: ["lost", "bad", "where", "file", "file offset"],
    rows: lost.flatMap((page) =>
      (page.places.length === 0 ? [null] : page.places).map((place): Cell[] => [
        bytes(page.page_size),
        sizeOrNull(page.bad_bytes),
        place && where(place),
        page.file && fileWords(page.file),
        place?.file_offset == null ? null : address(place.file_offset),
      ]),
    ),
  };
}

/** Counters that are all zero are no news. */
function failureListing(poison: HostReport["poison"]): Listing {
  const kinds = ["total", "recovered", "delayed", "failed", "ignored"] as const;
  const seen = poison.failures.filter((one) => (one.total ?? 0) > 0);
  const corrupted = poison.hardware_corrupted_bytes ?? 0;
  return {
    title: "memory failures since boot",
    sum: corrupted > 0 ? `${bytes(corrupted)} set aside as corrupted` : "",
    head: ["node", ...kinds],
    rows: seen.map((one) => [one.node, ...kinds.map((kind) => one[kind])]),
  };
}

function vmemmapListing(vmemmap: HostReport["vmemmap"]): Listing {
  const { enabled, reason, saved_bytes: saved } = vmemmap;
  const setting = enabled === null ? (reason ?? "no such setting") : enabled ? "on" : "off";
  return {
    title: "struct page memory (HVO)",
    sum: setting,
    head: ["what", "bytes"],
    rows:
      enabled === null && saved === null
        ? []
        : [
            ["in use", sizeOrNull(vmemmap.memmap_bytes)],
            ["saved now", sizeOrNull(saved)],
            ...vmemmap.sizes.map((one): Cell[] => [
              `at most, with all ${bytes(one.page_size)} pages optimized`,
              bytes(one.at_most_bytes),
            ]),
          ],
  };
}
