/** Made-up messages for tests. */
import type { Block, Frame } from "../wire/frames";
import { CellState, Encoding, FrameKind, UNKNOWN_COUNT, UNKNOWN_NODE } from "../wire/generated";
import type { GroupBlock } from "../wire/groups";
import type {
  HostReport,
  HostSummary,
  MappingSummary,
  Overview,
  PoolAccount,
  Subscribed,
} from "../wire/types";

const TWO_MIB = 2 * 2 ** 20;

/** A mapping of 512 cells. */
export function sampleMapping(change: Partial<MappingSummary> = {}): MappingSummary {
  return {
    id: 7,
    cell_count: 512,
    start: 0x7f0000000000,
    end: 0x7f0000000000 + 512 * TWO_MIB,
    page_size: TWO_MIB,
    kind: "hugetlb",
    shared: true,
    backing: { kind: "memfd", name: "ram", inode: 11, offset: 0 },
    vm_flags: null,
    guest: null,
    level_bytes: { pud: null, pmd: null, pte: null },
    state_counts: [512, 0, 0, 0, 0, 0, 0, 0, 0],
    mapped_bytes: 0,
    ...change,
  };
}

/** A live host with one process of these mappings. */
export function sampleHost(
  mappings: readonly MappingSummary[],
  change: Partial<HostSummary> = {},
): HostSummary {
  return {
    host_id: "h",
    host: { name: "h", kernel: "6.18", boot_id: null },
    source: { kind: "live", name: null },
    link: "live",
    age_s: 0.1,
    taken_at: "2025-01-01T00:00:00Z",
    seq: 1,
    epoch: "one",
    agent_version: "0",
    capabilities: {
      pfn: true,
      kpageflags: true,
      pagemap_scan: true,
      procmap_query: true,
      hgm: false,
    },
    limits: [],
    pools: [],
    processes: [{ pid: 42, comm: "qemu", name: null, vm: null, mappings: [...mappings] }],
    skipped: { gone: 0, denied: 0, failed: 0 },
    cost: null,
    gaps: [],
    clock_behind_s: null,
    ...change,
  };
}

/** An overview of these hosts. */
export function sampleOverview(...hosts: HostSummary[]): Overview {
  return { type: "overview", hosts };
}

/** The server's answer to a subscription. */
export function sampleSubscribed(mapping: MappingSummary, epoch = "one"): Subscribed {
  const view = { first: 0, count: mapping.cell_count, shift: 0 as const };
  return { type: "subscribed", host_id: "h", epoch, mapping, view };
}

/** Where the sample mapping is. */
export const SAMPLE_ADDRESS = { hostId: "h", pid: 42, start: 0x7f0000000000 };

/** A report that has nothing to say. */
export function sampleReport(change: Partial<HostReport> = {}): HostReport {
  return {
    taken_at: "2025-01-01T00:00:00Z",
    accounts: [],
    holdings: [],
    reservations: [],
    cgroups: [],
    vmemmap: { enabled: null, memmap_bytes: null, saved_bytes: null, sizes: [], reason: null },
    poison: { pages: [], failures: [], hardware_corrupted_bytes: null },
    mappings: [],
    status_differences: [],
    uffd_holders: [],
    uffd_waiters: [],
    guest_memory: [],
    stage2: [],
    boot: [],
    findings: [],
    ...change,
  };
}

/** A host's account of 100 pages of 2 MiB. */
export function sampleAccount(change: Partial<PoolAccount> = {}): PoolAccount {
  return {
    page_size: TWO_MIB,
    node: null,
    total: 100,
    free: 40,
    reserved: 10,
    surplus: 0,
    overcommit: 0,
    available: 30,
    mapped: 50,
    mapped_by: [],
    held: { fd: 4, hugetlbfs: 3, sysv: 2, mapping: 0 },
    poisoned: 1,
    unattributed: 0,
    unplaced: null,
    guessed: 0,
    candidates: [],
    notes: [],
    torn: 0,
    looks: 1,
    ...change,
  };
}

/** A frame for viewers. */
export function sampleFrame(blocks: readonly Block[], groups: readonly GroupBlock[] = []): Frame {
  const kind = groups.length > 0 ? FrameKind.GROUPS : FrameKind.CELLS;
  return { kind, seq: 1, meta: null, blocks, groups };
}

/** These cells of mapping 7 in one state; from cell `index` on and dense where that is a number. */
export function sampleCells(
  index: readonly number[] | number,
  states: readonly number[],
  changedAgo: number | null = null,
): Block {
  const rows = states.length;
  const dense = typeof index === "number";
  return {
    mappingId: 7,
    encoding: dense ? Encoding.DENSE : Encoding.SCATTERED,
    first: dense ? index : 0,
    covered: rows,
    index: dense ? null : Uint32Array.from(index),
    code: null,
    mappedPages: null,
    changedAgo: changedAgo === null ? null : new Uint32Array(rows).fill(changedAgo),
    mapcount: new Uint16Array(rows).fill(1),
    mappers: new Uint16Array(rows).fill(1),
    state: Uint8Array.from(states),
    flags: new Uint8Array(rows),
    node: new Uint8Array(rows),
  };
}

/** What `sampleGroups` says of one group; `counts` by the names of states. */
export interface SampleGroup {
  readonly counts: Partial<Record<keyof typeof CellState, number>>;
  readonly mappedPages?: number;
  readonly writeProtected?: number;
  readonly sharedTable?: number;
  readonly mapcount?: number;
  readonly node?: number;
}

/** Groups of mapping 7 from `first` on. */
export function sampleGroups(
  shift: number,
  first: number,
  groups: readonly SampleGroup[],
  changedAgo: number | null = null,
): GroupBlock {
  const shorts = (of: (group: SampleGroup) => number): Uint16Array => Uint16Array.from(groups, of);
  const states = Object.entries(CellState).sort(([, a], [, b]) => a - b);
  return {
    mappingId: 7,
    encoding: Encoding.DENSE,
    shift,
    first,
    covered: groups.length,
    index: null,
    mappedPages: Uint32Array.from(groups, (group) => group.mappedPages ?? 0),
    changedAgo: changedAgo === null ? null : new Uint32Array(groups.length).fill(changedAgo),
    counts: states.map(([name]) => shorts((group) => group.counts[name as "HOLE"] ?? 0)),
    writeProtected: shorts((group) => group.writeProtected ?? 0),
    sharedTable: shorts((group) => group.sharedTable ?? 0),
    inferred: shorts(() => 0),
    mapcount: shorts((group) => group.mapcount ?? UNKNOWN_COUNT),
    mappers: shorts(() => UNKNOWN_COUNT),
    node: Uint8Array.from(groups, (group) => group.node ?? UNKNOWN_NODE),
  };
}
