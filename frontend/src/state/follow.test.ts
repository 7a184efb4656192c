import { describe, expect, it } from "vitest";
import type { FollowedHost, FromViewer, Point } from "../wire/types";
import { Followed, type SmallPicture } from "./follow";

const HISTOGRAMS = { levels: [], mapcount: [], mappers: [] };

function point(atS: number): Point {
  return { at_s: atS, present_bytes: 0, arrived: 0, left: 0, changed: 0, pools: [] };
}

/** Everything settles when `settle` is called. */
function followed(): {
  readonly all: Followed;
  readonly sent: FollowedHost[][];
  readonly settle: () => void;
} {
  const sent: FollowedHost[][] = [];
  const due: (() => void)[] = [];
  const send = (message: FromViewer): void => {
    if (message.type === "follow") sent.push([...message.hosts]);
  };
  const all = new Followed(send, (then) => due.push(then));
  const settle = (): void => {
    for (const then of due.splice(0)) then();
  };
  return { all, sent, settle };
}

const ignore = (): void => undefined;

describe("what is followed", () => {
  it("is said once things have settled, and only when it changed", () => {
    const { all, sent, settle } = followed();
    all.onLive(true);
    const stop = [9, 3].map((id) => all.watchThumb("h", "one", id, ignore));
    all.watchStatistics("h");
    settle();
    expect(sent).toEqual([[{ host_id: "h", thumbnails: [3, 9], statistics: true }]]);
    stop[0]?.();
    all.watchThumb("h", "one", 9, ignore);
    settle();
    expect(sent).toHaveLength(1);
    stop[1]?.();
    settle();
    expect(sent[1]).toEqual([{ host_id: "h", thumbnails: [9], statistics: true }]);
  });

  it("is not said while there is nothing", () => {
    const { all, sent, settle } = followed();
    all.onLive(true);
    all.watchThumb("h", "one", 1, ignore)();
    settle();
    expect(sent).toEqual([]);
  });

  it("is said again after a reconnect, and to nobody before", () => {
    const { all, sent, settle } = followed();
    all.watchThumb("h", "one", 1, ignore);
    settle();
    expect(sent).toEqual([]);
    all.onLive(true);
    all.onLive(false);
    all.onLive(true);
    expect(sent).toHaveLength(2);
  });

  it("is said again for the same ids of another run of the agent", () => {
    const { all, sent, settle } = followed();
    all.onLive(true);
    const stop = all.watchThumb("h", "one", 1, ignore);
    settle();
    stop();
    all.watchThumb("h", "two", 1, ignore);
    settle();
    expect(sent).toHaveLength(2);
    expect(sent[1]).toEqual(sent[0]);
  });

  it("is nothing while the page is hidden", () => {
    const { all, sent, settle } = followed();
    all.onLive(true);
    all.watchThumb("h", "one", 1, ignore);
    settle();
    all.onHidden(true);
    all.onHidden(false);
    expect(sent.map((hosts) => hosts.length)).toEqual([1, 0, 1]);
  });

  it("is never more than the server takes", () => {
    const { all, sent } = followed();
    for (let id = 0; id < 100; id++) all.watchThumb(`h${id % 6}`, "one", id, ignore);
    all.onLive(true);
    expect(sent[0]).toHaveLength(4);
    expect(sent[0]?.flatMap((host) => host.thumbnails).length).toBeLessThanOrEqual(64);
  });
});

describe("thumbnails", () => {
  const message = (epoch: string, states: string): void => {
    all.onThumbnails({
      type: "thumbnails",
      host_id: "h",
      epoch,
      thumbs: [{ mapping_id: 7, cells: 2, states }],
    });
  };
  const { all } = followed();

  it("reach who watches that mapping of that run of the agent", () => {
    const seen: (SmallPicture | null)[] = [];
    const stop = all.watchThumb("h", "one", 7, (thumb) => seen.push(thumb));
    all.watchThumb("h", "one", 8, () => {
      throw new Error("nothing came for this one");
    });
    message("one", btoa("\x00\x01\x06"));
    message("two", btoa("\x01"));
    expect(seen).toEqual([{ cells: 2, states: new Uint8Array([0, 1, 6]) }]);
    stop();
    message("one", btoa("\x02"));
    expect(seen).toHaveLength(1);
  });

  it("that came before are shown at once", () => {
    const seen: (SmallPicture | null)[] = [];
    all.watchThumb("h", "one", 7, (thumb) => seen.push(thumb));
    expect(seen).toEqual([{ cells: 2, states: new Uint8Array([2]) }]);
  });
});

describe("statistics", () => {
  it("go on until the server begins anew, and keep ten minutes", () => {
    const { all } = followed();
    const add = (begins: boolean, ...atS: number[]): number[] | undefined => {
      const points = atS.map(point);
      const host = { type: "statistics", host_id: "h", histograms: HISTOGRAMS } as const;
      all.onStatistics({ ...host, begins, points });
      return all.historyOf("h").value?.points.map((one) => one.at_s);
    };
    expect(all.historyOf("h").value).toBeNull();
    expect(add(true, 1, 2)).toEqual([1, 2]);
    expect(add(false, 3)).toEqual([1, 2, 3]);
    expect(add(true, 9)).toEqual([9]);
    expect(add(false, ...Array.from({ length: 700 }, (_, at) => 10 + at))).toHaveLength(600);
  });
});
