import { describe, expect, it } from "vitest";
import {
  cameFrom,
  compareHash,
  endsFrom,
  nearestMoment,
  parseCompare,
  withSide,
} from "./compare-route";
import { parseRoute, type CompareRoute } from "./route";

function routeOf(hash: string): CompareRoute {
  const route = parseRoute(hash);
  if (route.screen !== "compare") throw new Error(`${hash} is of ${route.screen}`);
  return route;
}

const MAPPING = { hostId: "box", pid: 7, start: 0x7f00, atS: null };

describe("addresses", () => {
  it("hold both sides, and are read again", () => {
    const wish = { a: { ...MAPPING, atS: 12.5 }, b: MAPPING };
    const hash = compareHash(wish);
    expect(hash).toBe("#/compare?a=box/7/0x7f00@12.5&b=box/7/0x7f00");
    expect(parseCompare(routeOf(hash))).toEqual(wish);
    expect(compareHash({ a: null, b: null })).toBe("#/compare");
    expect(parseCompare(routeOf("#/compare?a=b%20x"))).toEqual({ a: null, b: null });
  });

  it("mean on both sides what only one names", () => {
    const other = { ...MAPPING, hostId: "two", atS: 5 };
    const both = { a: MAPPING, b: other };
    expect(parseCompare(routeOf("#/compare?a=box&b=two/7/0x7f00@5"))).toEqual(both);
    expect(parseCompare(routeOf("#/compare?a=box/7/0x7f00&b=two@5"))).toEqual(both);
    const process = parseCompare(routeOf("#/compare?a=box/7&b=two/7/0x7f00"));
    expect(process.a).toEqual({ ...MAPPING, start: null });
    const hosts = parseCompare(routeOf("#/compare?a=box&b=two"));
    expect([hosts.a?.pid, hosts.b?.pid]).toEqual([null, null]);
  });

  it("tell where somebody came from", () => {
    expect(cameFrom(routeOf("#/compare/host/box/pid/7/map/7f00?color=age"))).toEqual(MAPPING);
    expect(cameFrom(routeOf("#/compare/host/box"))).toMatchObject({ hostId: "box", pid: null });
    expect(cameFrom(routeOf("#/compare/"))).toBeNull();
    expect(cameFrom(routeOf("#/compare/migration/m1"))).toBeNull();
  });

  it("tell both ends of a migration, where both are known", () => {
    const end = (hostId: string): never => ({ host_id: hostId, pid: 7 }) as never;
    const known = { id: "m1", source: end("one"), destination: end("two") };
    expect(endsFrom(routeOf("#/compare/migration/m1"), [known])).toMatchObject({
      a: { hostId: "one", pid: 7 },
      b: { hostId: "two", pid: 7 },
    });
    expect(endsFrom(routeOf("#/compare/migration/m2"), [known])).toBeNull();
    const half = { ...known, destination: null };
    expect(endsFrom(routeOf("#/compare/migration/m1"), [half])).toBeNull();
  });
});

describe("sides chosen anew", () => {
  const sides = { a: MAPPING, b: { ...MAPPING, hostId: "two", pid: 9, atS: 5 } };

  it("leave the other as it is", () => {
    const chosen = { ...MAPPING, start: 0x9900 };
    expect(withSide(sides, "a", chosen)).toEqual({ a: chosen, b: sides.b });
  });

  it("compare all of a host with all of another", () => {
    const host = { hostId: "one", pid: null, start: null, atS: null };
    const other = { ...sides.b, pid: null, start: null };
    expect(withSide(sides, "a", host)).toEqual({ a: host, b: other });
    expect(withSide({ a: host, b: other }, "a", MAPPING).b).toEqual({
      ...MAPPING,
      hostId: "two",
      atS: 5,
    });
  });
});

describe("the moment of where somebody came from", () => {
  it.each([
    ["", { at_s: 9, since_s: 1 }, 9],
    ["?t=5", { at_s: 9, since_s: 1 }, 5],
    ["?t=5", { at_s: 9, since_s: null }, null],
  ])("%s at %j is %j", (search, state, atS) => {
    expect(nearestMoment(search, state)).toBe(atS);
  });
});
