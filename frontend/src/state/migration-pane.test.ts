import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { itemAt } from "../lib/item-grid";
import { NO_PAGE, UNKNOWN } from "../lib/palette";
import { CellState, PROTOCOL_VERSION } from "../wire/generated";
import type { FromViewer } from "../wire/types";
import { ArrivalLog, BEFORE, FIRST_CLASS } from "./migration-arrivals";
import { PaneStore, pagesPerRow } from "./migration-pane";
import { Moment } from "./moment";
import { sampleArrivals, sampleMigration } from "./migration-samples";
import {
  sampleCells,
  sampleFrame,
  sampleHost,
  sampleMapping,
  sampleOverview,
  sampleSubscribed,
} from "./samples";

const OFFSET = 64 * 2 ** 20;
const START = 0x7f0000000000;

function pane(color: "state" | "arrival" = "state"): {
  readonly store: PaneStore;
  readonly log: ArrivalLog;
  readonly sent: FromViewer[];
} {
  const [block] = sampleMigration().blocks;
  if (!block) throw new Error("no block");
  const log = new ArrivalLog([512]);
  const of = { ...block, offset: OFFSET, pages: 512 };
  const end = { host_id: "h", pid: 42 };
  const store = new PaneStore(
    { end, block: of, number: 0, start: START, log },
    { color, range: null },
    new Moment(""),
  );
  const sent: FromViewer[] = [];
  store.send = (message) => void sent.push(message);
  store.onMessage(
    { type: "welcome", protocol: PROTOCOL_VERSION, server_version: "0", server_epoch: "e" },
    0,
  );
  return { store, log, sent };
}

/** A pane with its first cells: 0 to 3 mapped. */
function shown(color: "state" | "arrival"): ReturnType<typeof pane> {
  const made = pane(color);
  const mapping = sampleMapping();
  made.store.onMessage(sampleOverview(sampleHost([mapping])), 0);
  made.store.onMessage(sampleSubscribed(mapping), 0);
  const states = Array.from({ length: 512 }, (_, at) =>
    at < 4 ? CellState.MAPPED : CellState.HOLE,
  );
  made.store.picture.value?.apply(sampleFrame([sampleCells(0, states)]), 0);
  return made;
}

beforeEach(() => {
  vi.stubGlobal("document", { hidden: false });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("a pane of a migration", () => {
  it("sees one mapping only, where its block is in the guest's RAM", () => {
    const { store, sent } = pane();
    const other = sampleMapping({ id: 9, start: START + 2 ** 40 });
    const host = sampleHost([other, sampleMapping()]);
    store.onMessage(sampleOverview(host, sampleHost([other], { host_id: "x" })), 0);
    const view = { first: 0, count: 512, shift: 0, rate_hz: 20 };
    expect(sent).toEqual([{ type: "subscribe", host_id: "h", epoch: "one", mapping_id: 7, view }]);
    const hosts = store.received.value?.overview.hosts ?? [];
    expect(hosts.flatMap((one) => one.processes.flatMap((process) => process.mappings))).toEqual([
      { ...sampleMapping(), start: OFFSET, end: OFFSET + 512 * 2 ** 21 },
    ]);
  });

  it("has rows that are as long as there are many", () => {
    expect([1, 4, 32, 256, 1024, 8192, 65_536, 2 ** 19].map(pagesPerRow)).toEqual([
      4, 4, 8, 16, 32, 128, 256, 512,
    ]);
    const { store } = shown("state");
    const picture = store.picture.value;
    expect(picture?.geometry).toMatchObject({
      perRow: 32,
      rows: 16,
      firstColumn: 0,
      tableVa: OFFSET,
    });
    expect(picture?.items && itemAt(picture.items.grid, 1, 1)).toBe(33);
    expect(store.picture.value?.presentPages).toBe(4 * 512);
  });

  it("is painted by the order of arrivals as the log comes", () => {
    const { store, log } = shown("arrival");
    const paint = (): (number | undefined)[] => [
      ...(store.picture.value?.painted?.paint.subarray(0, 5) ?? []),
    ];
    expect(paint()).toEqual([UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, NO_PAGE]);
    log.take(
      sampleArrivals(0, 2, [
        [0, 0, 1],
        [1, 0, 2],
      ]),
    );
    expect(paint()).toEqual([FIRST_CLASS, FIRST_CLASS, UNKNOWN, UNKNOWN, NO_PAGE]);
    log.take(sampleArrivals(2, 3, [[2, 1, 3, 1]]));
    expect(paint()).toEqual([BEFORE, BEFORE, FIRST_CLASS, UNKNOWN, NO_PAGE]);
    store.colorBy("state");
    expect(new Set(paint()).size).toBe(2);
    store.destroy();
    log.take(sampleArrivals(3, 4, [[3, 1, 3, 1]]));
    expect(new Set(paint()).size).toBe(2);
  });
});
