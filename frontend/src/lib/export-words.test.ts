import { describe, expect, it } from "vitest";
import type { HostSummary, MappingInfo } from "../wire/types";
import { pngName, sourceLine, titleLines } from "./export-words";

const host = {
  host_id: "h",
  host: { name: "rack 1/α", kernel: null, boot_id: null },
  taken_at: "2026-01-02T03:04:05.678Z",
  source: { kind: "live", name: null },
} as unknown as HostSummary;
const info = {
  start: 0x7f0000000000,
  end: 0x7f0040000000,
  cell_count: 512,
  page_size: 2 ** 21,
} as MappingInfo;
const exported = { host, pid: 7, process: "guest", info, color: "node", oldS: null };

describe("an exported picture", () => {
  it("says what it shows, and of when", () => {
    expect(titleLines(exported)).toEqual([
      "rack 1/α · guest pid 7 · 0x7f0000000000–0x7f0040000000",
      "512 × 2 MiB coloured by node · as of 2026-01-02 03:04:05 UTC · HugeScope",
    ]);
  });

  it("says that it is old where it is", () => {
    expect(titleLines({ ...exported, oldS: 90 })[1]).toContain(
      "the last picture, 90 s old when it was saved",
    );
  });

  it("warns of what is not live", () => {
    expect(sourceLine(host)).toBeNull();
    const replay = { ...host, source: { kind: "replay", name: "a day" } } as HostSummary;
    expect(sourceLine(replay)).toBe("REPLAY of a day: not this machine’s memory");
  });

  it("has a name for every file system", () => {
    expect(pngName(exported)).toBe("hugescope-rack_1__-7-0x7f0000000000-20260102T030405Z.png");
  });
});
