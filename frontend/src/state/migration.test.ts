import { signal } from "@preact/signals";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { FromViewer } from "../wire/types";
import type { Connection } from "./connection";
import { ended, Migrating } from "./migration";
import { Moment } from "./moment";
import { sampleArrivals, sampleMigration } from "./migration-samples";
import { sampleTime } from "./time-samples";

const LIVE: Connection = { phase: "live", serverVersion: "0", serverEpoch: "e" };
const WISH = { id: "m1", pair: null };

function followed(ask = vi.fn(() => Promise.resolve(sampleArrivals(0, 0, [])))): {
  readonly migrating: Migrating;
  readonly sent: FromViewer[];
  readonly store: { connection: { value: Connection }; time: Moment };
} {
  const sent: FromViewer[] = [];
  const store = {
    migrating: null as Migrating | null,
    connection: signal<Connection>(LIVE),
    nowMs: signal(0),
    time: new Moment(""),
    send: (message: FromViewer) => void sent.push(message),
  };
  return { migrating: new Migrating(store, ask), sent, store };
}

function point(at_s: number): ReturnType<typeof sampleMigration>["points"][number] {
  const nothing = { sweep: 0, demand: 0, punched: 0, left: 0, pool_left: null };
  return { at_s, source_present: 16, destination_present: 6, ...nothing };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("following a migration", () => {
  it("asks once, and again on each connection", () => {
    const { migrating, sent, store } = followed();
    migrating.want(WISH);
    migrating.want({ ...WISH });
    expect(sent).toEqual([{ type: "follow_migration", id: "m1", pair: null }]);
    store.connection.value = { phase: "connecting", attempt: 1, lostAtMs: 0 };
    store.connection.value = LIVE;
    expect(sent).toHaveLength(2);
    migrating.destroy();
    expect(sent.at(-1)).toEqual({ type: "follow_migration", id: null, pair: null });
  });

  it("keeps points, and forgets them where the server says that they begin anew", () => {
    const { migrating } = followed();
    migrating.want(WISH);
    migrating.onMessage(sampleMigration({ points: [point(1), point(2)] }), 0);
    migrating.onMessage(sampleMigration({ begins: false, points: [point(3)] }), 500);
    expect(migrating.points.value.map((one) => one.at_s)).toEqual([1, 2, 3]);
    expect(migrating.serverS(1500)).toBe(4);
    migrating.onMessage(sampleMigration({ points: [point(7)] }), 1000);
    expect(migrating.points.value).toHaveLength(1);
  });

  it("tells what lasts by the time that is shown, which may stand", () => {
    const { migrating, store } = followed();
    migrating.want(WISH);
    store.time.onState(sampleTime({ live: false, playing: false, at_s: 3.5 }), 0);
    migrating.onMessage(sampleMigration({ points: [point(3)] }), 1000);
    expect([migrating.serverS(9000), migrating.agoS(9000)]).toEqual([3.5, 0]);
    store.time.onState(sampleTime({ live: false, playing: true, speed: 10, at_s: 4 }), 9000);
    migrating.onMessage(sampleMigration({ points: [point(4)] }), 10_000);
    expect([migrating.serverS(10_500), migrating.agoS(10_500)]).toEqual([19, 5]);
    // What passed until it stands still has passed.
    store.time.onState(sampleTime({ live: false, playing: false, at_s: 20 }), 10_600);
    expect([migrating.serverS(12_000), migrating.agoS(12_000)]).toEqual([20, 6]);
  });

  it("takes no answer to what was asked before", () => {
    const { migrating } = followed();
    migrating.want({ id: "other", pair: null });
    migrating.onMessage(sampleMigration(), 0);
    expect(migrating.received.value).toBeNull();
  });

  it("says what is missing, and no more once it is there", () => {
    const { migrating } = followed();
    migrating.want(WISH);
    const missing = { type: "migration_missing", code: "no_such_migration", message: "" } as const;
    migrating.onMessage(missing, 0);
    expect(migrating.missing.value?.code).toBe("no_such_migration");
    migrating.onMessage(sampleMigration(), 0);
    expect([migrating.missing.value, migrating.received.value === null]).toEqual([null, false]);
  });

  it("counts on from what it was told, and no more after the end", () => {
    const { migrating } = followed();
    migrating.want(WISH);
    const state = sampleMigration();
    migrating.onMessage(state, 1000);
    expect(migrating.agoS(1500)).toBe(0.5);
    const over = sampleMigration({ summary: { ...state.summary, phase: "failed" } });
    migrating.onMessage(over, 2000);
    expect([ended(over), migrating.agoS(9000)]).toEqual([true, 0]);
  });

  it("does not count on while there is no server, nor while nobody looks at the destination", () => {
    const { migrating, store } = followed();
    migrating.want(WISH);
    const state = sampleMigration({ points: [point(10)] });
    migrating.onMessage(state, 1000);
    store.connection.value = { phase: "connecting", attempt: 1, lostAtMs: 1500 };
    expect([migrating.agoS(9000), migrating.serverS(9000)]).toEqual([0.5, 10.5]);
    store.connection.value = LIVE;
    const { summary } = state;
    const destination = summary.destination && { ...summary.destination, gone: true };
    migrating.onMessage(sampleMigration({ summary: { ...summary, destination } }), 9000);
    migrating.onMessage(sampleMigration({ ...state, summary: { ...summary, destination } }), 9000);
    expect(migrating.serverS(12_000)).toBe(10);
  });
});

describe("the log of a migration", () => {
  it("is fetched part by part until all of it is here", async () => {
    const ask = vi.fn((_: string, since: number) =>
      Promise.resolve(sampleArrivals(since, 3, [[since, 0, since]])),
    );
    const { migrating } = followed(ask as never);
    migrating.want(WISH);
    migrating.onMessage(sampleMigration({ arrivals: 3 }), 0);
    await vi.waitFor(() => {
      expect(migrating.logged.value).toBe(3);
    });
    expect(ask.mock.calls.map(([id, since]) => [id, since])).toEqual([
      ["m1", 0],
      ["m1", 1],
      ["m1", 2],
    ]);
  });

  it("waits where the server holds the latest back, and after a failure tries again and says so", async () => {
    const ask = vi
      .fn<() => Promise<ArrayBuffer>>()
      .mockResolvedValueOnce(sampleArrivals(0, 0, []))
      .mockRejectedValueOnce(new Error("away"))
      .mockResolvedValue(sampleArrivals(0, 1, [[0, 0, 0]]));
    const { migrating } = followed(ask);
    migrating.want(WISH);
    const troubles: (string | null)[] = [];
    migrating.trouble.subscribe((trouble) => troubles.push(trouble));
    for (let times = 1; times <= 3; times++) {
      migrating.onMessage(sampleMigration({ arrivals: 1 }), 0);
      await vi.waitFor(() => {
        expect(ask).toHaveBeenCalledTimes(times);
      });
      await Promise.resolve();
      await Promise.resolve();
      await Promise.resolve();
    }
    await vi.waitFor(() => {
      expect(migrating.logged.value).toBe(1);
    });
    expect(troubles).toEqual([null, "Error: away", null]);
  });

  it.each([0, 2, 3])("begins anew with another run, whose log has %d entries", async (entries) => {
    let base = 100;
    const ask = vi.fn((_: string, since: number) => {
      const there = base === 100 ? 2 : entries;
      const records = Array.from({ length: there }, (__, cell) => [cell, 1, 0] as const);
      return Promise.resolve(
        sampleArrivals(Math.min(since, there), there, records.slice(since), base),
      );
    });
    const { migrating } = followed(ask as never);
    migrating.want(WISH);
    migrating.onMessage(sampleMigration({ arrivals: 2 }), 0);
    await vi.waitFor(() => {
      expect(migrating.counts.sweep).toBe(2);
    });
    const log = migrating.log.value;
    base = 200;
    migrating.onMessage(sampleMigration({ arrivals: entries }), 0);
    await vi.waitFor(() => {
      expect([log.baseS, log.next, migrating.counts.sweep, migrating.logged.value]).toEqual([
        entries === 0 ? 0 : 200,
        ...Array<number>(3).fill(entries),
      ]);
    });
    // What draws it stays.
    expect(migrating.log.value).toBe(log);
  });

  it("keeps what it has where the state is older than that", async () => {
    const ask = vi.fn((_: string, since: number) =>
      Promise.resolve(sampleArrivals(since, 1, since === 0 ? [[0, 1, 0]] : [])),
    );
    const { migrating } = followed(ask as never);
    migrating.want(WISH);
    migrating.onMessage(sampleMigration({ arrivals: 1 }), 0);
    await vi.waitFor(() => {
      expect(migrating.counts.sweep).toBe(1);
    });
    migrating.onMessage(sampleMigration({ arrivals: 0 }), 0);
    await vi.waitFor(() => {
      expect(ask).toHaveBeenCalledTimes(2);
    });
    expect([migrating.log.value.next, migrating.counts.sweep]).toEqual([1, 1]);
  });
});
