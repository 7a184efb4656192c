/** Made-up migrations for tests. */
import type { MigrationState } from "../wire/types";

const TWO_MIB = 2 * 2 ** 20;

/** A post-copy of 16 pages, six of which are there. */
export function sampleMigration(change: Partial<MigrationState> = {}): MigrationState {
  const host_source = { kind: "live", name: null } as const;
  const end = { host_id: "h", epoch: "one", name: "vm", gone: false, qmp: null };
  const made = { host_source, simulated: false };
  return {
    type: "migration",
    summary: {
      id: "m1",
      paired_by: ["uuid"],
      name: "vm",
      source: { ...end, ...made, pid: 42, present_pages: 16 },
      destination: { ...end, ...made, pid: 43, present_pages: 6 },
      phase: "postcopy",
      page_size: TWO_MIB,
      pages: 16,
      present: 6,
    },
    blocks: [
      {
        backend: "ram",
        offset: 0,
        low_bytes: null,
        page_size: TWO_MIB,
        pages: 16,
        source: 7,
        source_start: 0x7f0000000000,
        destination: 8,
        destination_start: 0x7e0000000000,
      },
    ],
    phases: [
      { phase: "precopy", began_s: 100, ended_s: 105, evidence: "seen", words: "it fills" },
      { phase: "postcopy", began_s: 105, ended_s: null, evidence: "qmp", words: "registered" },
    ],
    collapse: null,
    precopied: 4,
    sweep: 1,
    demand: 1,
    arrivals: 0,
    left: 10,
    time_left: null,
    inflated_pages: 0,
    rate_bytes_per_s: null,
    faults: null,
    demanded: [],
    dark: 0,
    what_if: [],
    begins: true,
    points: [],
    ...change,
  };
}

/** A record: cell, kind, seconds after the base, seconds missing, block. */
export type SampleArrival = readonly [
  cell: number,
  kind: number,
  atS: number,
  missingS?: number,
  block?: number,
];

/** A part of a log as the server sends it. */
export function sampleArrivals(
  first: number,
  total: number,
  records: readonly SampleArrival[],
  baseS = 100,
): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(32 + 16 * records.length));
  view.setUint32(0, 0x48534152);
  view.setUint32(4, 1, true);
  view.setBigUint64(8, BigInt(first), true);
  view.setBigUint64(16, BigInt(total), true);
  view.setFloat64(24, baseS, true);
  records.forEach(([cell, kind, atS, missingS = Number.NaN, block = 0], at) => {
    const begin = 32 + 16 * at;
    view.setUint32(begin, cell, true);
    view.setUint16(begin + 4, block, true);
    view.setUint8(begin + 6, kind);
    view.setFloat32(begin + 8, atS, true);
    view.setFloat32(begin + 12, missingS, true);
  });
  return view.buffer;
}
