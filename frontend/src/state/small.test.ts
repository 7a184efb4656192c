import { describe, expect, it } from "vitest";
import { connectionWords } from "./connection";
import { freshness, oldest } from "./freshness";
import { noticeOf, type Situation } from "./notice";
import { placeHash } from "./places";
import { hostOf, parseRoute } from "./route";
import { SAMPLE_ADDRESS, sampleHost, sampleMapping, sampleOverview } from "./samples";
import { identityOf, NOTHING_SELECTED } from "./selection";

describe("the link in words", () => {
  it.each([
    [{ phase: "live", serverVersion: "0", serverEpoch: "e" }, "good", "live"],
    [{ phase: "connecting", attempt: 0, lostAtMs: null }, "late", "connecting"],
    [
      { phase: "waiting", attempt: 1, lostAtMs: 9000, retryAtMs: 12_500 },
      "late",
      "reconnecting in 3 s",
    ],
    [
      { phase: "waiting", attempt: 9, lostAtMs: -9000, retryAtMs: 12_500 },
      "gone",
      "server gone, next try in 3 s",
    ],
    [
      { phase: "waiting", attempt: 1, lostAtMs: null, retryAtMs: 9000 },
      "gone",
      "server gone, next try now",
    ],
    [{ phase: "connecting", attempt: 3, lostAtMs: 9000 }, "late", "reconnecting now"],
  ] as const)("%o", (connection, tone, text) => {
    expect(connectionWords(connection, 10_000)).toEqual({ tone, text });
  });
});

describe("freshness", () => {
  it("adds the time since the message to the server's age", () => {
    const { ageS, tone } = freshness(sampleHost([], { age_s: 0.5 }), 1000, 2500);
    expect(ageS).toBeCloseTo(2);
    expect(tone).toBe("good");
  });

  it("turns late and gone by itself when nothing comes any more", () => {
    expect(freshness(sampleHost([]), 0, 3500).tone).toBe("late");
    expect(freshness(sampleHost([]), 0, 10_000).tone).toBe("gone");
  });

  it("believes the server's word on the link", () => {
    expect(freshness(sampleHost([], { link: "gone" }), 0, 0).tone).toBe("gone");
    expect(freshness(sampleHost([], { link: "late" }), 0, 0).tone).toBe("late");
  });

  it("finds the oldest picture", () => {
    const old = sampleHost([], { age_s: 9 });
    expect(oldest([sampleHost([]), old])).toBe(old);
    expect(oldest([])).toBeNull();
  });
});

describe("the notice above the map", () => {
  const host = sampleHost([sampleMapping()]);
  const fine: Situation = {
    connection: { phase: "live", serverVersion: "0", serverEpoch: "e" },
    selection: {
      ...NOTHING_SELECTED,
      phase: "live",
      wanted: SAMPLE_ADDRESS,
      identity: identityOf(sampleMapping()),
    },
    overview: sampleOverview(host),
    host,
    past: false,
    pictured: true,
    ageS: 0.1,
  };

  it("is absent while all is well", () => {
    expect(noticeOf(fine)).toBeNull();
  });

  it("says how old the last picture is without a connection", () => {
    const connection = { phase: "waiting", attempt: 1, lostAtMs: 0, retryAtMs: 1 } as const;
    expect(noticeOf({ ...fine, connection, ageS: 12 })?.text).toBe(
      "There is no connection to the server. This is the last picture from before. It is 12 s old.",
    );
  });

  it("says that the host is gone or late", () => {
    const gone = sampleHost([], { link: "gone" });
    expect(noticeOf({ ...fine, host: gone })).toMatchObject({ tone: "gone" });
    const late = sampleHost([], { link: "late" });
    expect(noticeOf({ ...fine, host: late })).toMatchObject({ tone: "late" });
    expect(noticeOf({ ...fine, host: null })?.text).toContain("knows no host “h”");
  });

  it("says of another moment only that nothing is known of it, and how old the picture is", () => {
    const host = sampleHost([], { link: "gone" });
    const notice = noticeOf({ ...fine, host, past: true, ageS: 12 });
    expect(notice?.tone).toBe("gone");
    expect(notice?.text).toBe(
      "Nothing is known of this moment; the host last sent something 12 s before. The picture is as old as that.",
    );
  });

  it("says that nothing comes any more from a server that stays connected", () => {
    expect(noticeOf({ ...fine, ageS: 2.9 })).toBeNull();
    expect(noticeOf({ ...fine, ageS: 6 })).toMatchObject({
      tone: "late",
      text: "Nothing new has come for 6.0 s. The picture is as old as that.",
    });
    expect(noticeOf({ ...fine, ageS: 12 })).toMatchObject({ tone: "gone" });
  });

  it("says that the mapping ended, and that this is its last picture", () => {
    const ended = {
      type: "ended",
      host_id: "h",
      mapping_id: 7,
      code: "mapping_gone",
      message: "",
    } as const;
    const selection = { ...fine.selection, phase: "ended", ended } as const;
    const empty = sampleOverview(sampleHost([]));
    expect(noticeOf({ ...fine, selection, overview: empty })?.text).toBe(
      "The mapping is gone: unmapped, or its process ended. This is its last picture.",
    );
  });

  it("offers another mapping at the same address", () => {
    const backing = { ...sampleMapping().backing, inode: 99 };
    const overview = sampleOverview(sampleHost([sampleMapping({ backing })]));
    expect(noticeOf({ ...fine, overview })).toMatchObject({ other: true, tone: "gone" });
  });
});

describe("where a report leads", () => {
  const host = sampleHost([sampleMapping()]);
  const MAP = "#/host/h/pid/42/map/7f0000000000";

  it.each([
    [{ first: 3, count: 2 }, `${MAP}?cells=3-4`],
    [{ first: 0, count: 0 }, MAP],
    [{ at: 0x7f0000601000 }, `${MAP}?cells=3`],
    [{}, MAP],
  ])("%o", (what, hash) => {
    expect(placeHash(host, { pid: 42, start: SAMPLE_ADDRESS.start, ...what })).toBe(hash);
  });

  it("is nowhere when the host has no such mapping", () => {
    expect(placeHash(host, { pid: 43, start: SAMPLE_ADDRESS.start })).toBeNull();
    expect(placeHash(host, { pid: 42, start: 0x1000 })).toBeNull();
  });

  it("knows which host a route is about", () => {
    expect(hostOf(parseRoute(MAP))).toBe("h");
    expect(hostOf(parseRoute("#/"))).toBeNull();
    expect(hostOf(parseRoute("#/nowhere"))).toBeNull();
  });
});
