/** What a report says of one mapping, as terms and values; what is not known or nothing is left out. */
import type { MappingReport } from "../wire/types";
import { bytes, integer } from "./format";

export type MappingFact = readonly [term: string, value: string];

/** All that is worth a line. */
export function mappingFacts(report: MappingReport): MappingFact[] {
  const facts: (MappingFact | false)[] = [
    report.policy !== null && ["NUMA policy", report.policy.text],
    Object.keys(report.node_bytes).length > 1 && [
      "by node",
      sizesWords(report.node_bytes, "node "),
    ],
    some("on wrong nodes", report.misplaced_bytes, bytes),
    some("reserved, not faulted", report.reserved_pages, pages),
    some("through shared tables", report.shared_table_cells, (count) => `${integer(count)} cells`),
    some("lost to poison or in flight", report.lost_pages, pages),
    report.uffd.length > 0 && ["userfaultfd mode", report.uffd.join(", ")],
    ...splitFacts(report.split),
    ...thpFacts(report.thp),
  ];
  return facts.filter((fact) => fact !== false);
}

function splitFacts(split: MappingReport["split"]): (MappingFact | false)[] {
  if (split === null) return [];
  const { pages: count, placed } = split;
  const known = count === null ? "number not known" : integer(count);
  const where = placed > 0 ? `${integer(placed)} of them placed` : "places not certain";
  return [
    // A number that is not known is not none.
    (count === null || count > 0) && [
      "full but split",
      count === null && placed === 0 ? known : `${known}, ${where}`,
    ],
    some("full 2 MiB chunks by 512 entries", split.chunks, integer),
    some("a collapse frees", split.collapse_frees_bytes, (size) => `${bytes(size)} of page tables`),
  ];
}

function thpFacts(thp: MappingReport["thp"]): (MappingFact | false)[] {
  if (thp === null) return [];
  const smaps = [thp.anon_huge_bytes, thp.shmem_pmd_bytes, thp.file_pmd_bytes];
  const sizes = smaps.map((count) => (count === null ? "unknown" : bytes(count))).join(" / ");
  return [
    ["AnonHugePages / ShmemPmdMapped / FilePmdMapped", sizes],
    some("by PMD, as counted here", thp.pmd_bytes, bytes),
    thp.folio_bytes !== null && ["by folio size", foliosWords(thp.folio_bytes)],
    some("swapped", thp.swapped_bytes, bytes),
    thp.eligible === false && ["huge pages", "not let in by flags or settings"],
  ];
}

function some(
  term: string,
  count: number | null,
  words: (count: number) => string,
): MappingFact | false {
  return count !== null && count > 0 && [term, words(count)];
}

function pages(count: number): string {
  return count === 1 ? "1 page" : `${integer(count)} pages`;
}

function sizesWords(sizes: Readonly<Record<string, number>>, prefix: string): string {
  return Object.entries(sizes)
    .map(([key, size]) => `${prefix}${key}: ${bytes(size)}`)
    .join(", ");
}

function foliosWords(sizes: Readonly<Record<string, number>>): string {
  return Object.entries(sizes)
    .map(([folio, size]) => `${bytes(size)} in ${bytes(Number(folio))}`)
    .join(", ");
}
