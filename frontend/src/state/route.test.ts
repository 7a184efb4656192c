import { describe, expect, it } from "vitest";
import { hostHash, hostOf, mapHash, parseRoute, type MapFields } from "./route";
import { SAMPLE_ADDRESS } from "./samples";

const MAP = "#/host/h/pid/42/map/7f0000000000";
const PLAIN: MapFields = {
  color: "state",
  level: null,
  table: null,
  cells: null,
  part: null,
  range: null,
  show: null,
  panel: null,
  by: null,
};
const overview = (hostId: string | null, q = "", sort = ""): object => {
  return { screen: "overview", hostId, q, sort };
};
const map = (fields: Partial<MapFields> = {}): object => {
  return { screen: "map", address: SAMPLE_ADDRESS, ...PLAIN, ...fields };
};

describe("a location hash", () => {
  it.each([
    ["", overview(null)],
    ["#/", overview(null)],
    ["#/?q=qemu%20a&sort=size", overview(null, "qemu a", "size")],
    ["#/host/a%3Ab", overview("a:b")],
    ["#/host/a?q=vm?", overview("a", "vm?")],
    ["#/host/%zz", { screen: "unknown", hash: "#/host/%zz" }],
    ["#/host/h/pid/0/map/1", { screen: "unknown", hash: "#/host/h/pid/0/map/1" }],
  ])("%s", (hash, route) => {
    expect(parseRoute(hash)).toEqual(route);
  });

  it.each([
    ["", {}],
    ["color=node", { color: "node" }],
    ["color=age", { color: "age" }],
    ["color=nonsense&level=p4d&table=-1&part=x&panel=other", {}],
    ["cells=12-15", { cells: { first: 12, count: 4 } }],
    ["cells=12", { cells: { first: 12, count: 1 } }],
    ["cells=nonsense", {}],
    ["level=pte&cells=9&part=3", { level: "pte", cells: { first: 9, count: 1 }, part: 3 }],
    ["level=pmd&table=3", { level: "pmd", table: 3 }],
    ["x=1.5-40&y=0-2", { range: { x0: 1.5, x1: 40, y0: 0, y1: 2 } }],
    ["x=1-40", {}],
    ["x=40-1&y=0-2", {}],
    ["show=mapped,hole", { show: ["mapped", "hole"] }],
    ["show=", { show: [] }],
    ["panel=extents&by=split,partial", { panel: "extents", by: ["split", "partial"] }],
  ])("of a map with %s", (query, fields) => {
    expect(parseRoute(`${MAP}?${query}`)).toEqual(map(fields as Partial<MapFields>));
  });
});

describe("a route", () => {
  it("survives a round trip", () => {
    const address = { hostId: "rack 1/ö", pid: 7, start: 0xffff_ffe0_0000 };
    const fields: MapFields = {
      color: "age",
      level: "pud",
      table: 0,
      cells: { first: 7, count: 3 },
      part: 511,
      range: { x0: 0.25, x1: 512, y0: 3, y1: 4.5 },
      show: ["poisoned"],
      panel: "extents",
      by: ["hole"],
    };
    expect(parseRoute(mapHash(address, fields))).toEqual({ screen: "map", address, ...fields });
    expect(parseRoute(mapHash(address))).toEqual({ screen: "map", address, ...PLAIN });
    expect(parseRoute(hostHash("rack 1/ö", { q: "a&b" }))).toEqual(overview("rack 1/ö", "a&b"));
    expect(parseRoute(hostHash(null, { sort: "age" }))).toEqual(overview(null, "", "age"));
  });

  it("has a link that people can read", () => {
    expect(mapHash(SAMPLE_ADDRESS, { show: ["a", "b"], color: "state" })).toBe(`${MAP}?show=a,b`);
    expect(mapHash(SAMPLE_ADDRESS, { range: { x0: 0, x1: 1 / 3, y0: -1e-9, y1: 2 } })).toBe(
      `${MAP}?x=0-0.33&y=0-2`,
    );
    expect(hostHash(null)).toBe("#/");
  });

  it("knows which host it is about", () => {
    expect(hostOf(parseRoute(MAP))).toBe("h");
    expect(hostOf(parseRoute("#/"))).toBeNull();
    expect(hostOf(parseRoute("#/nowhere"))).toBeNull();
  });
});
