import { describe, expect, it } from "vitest";
import { migrationHash, parseMigration, type MigrationAddress } from "./migration-route";
import { parseRoute } from "./route";

function parsed(hash: string): MigrationAddress | null {
  const route = parseRoute(hash);
  return route.screen === "migration" ? parseMigration(route) : null;
}

describe("addresses of migrations", () => {
  it("names all of them, one, or a pair", () => {
    expect(parsed("#/migration")).toMatchObject({ id: null, pair: null, color: "state", block: 0 });
    expect(parsed("#/migration/6d58437d")).toMatchObject({ id: "6d58437d", pair: null });
    expect(parsed("#/migration?pair=a:b:42,c%2Cd:43")?.pair).toEqual([
      { host_id: "a:b", pid: 42 },
      { host_id: "c,d", pid: 43 },
    ]);
  });

  it.each([
    "#/migration/No",
    "#/migration/a/b",
    "#/migrations",
    "#/migration?pair=a:1,b",
    "#/migration?pair=",
    "#/migration?pair=a:1,a:1",
    "#/migration?pair=a:0,b:1",
    `#/migration?pair=${"a".repeat(129)}:1,b:1`,
  ])("makes nothing of %s", (hash) => {
    expect(parsed(hash)).toBeNull();
  });

  it.each([
    "#/migration/m1",
    "#/migration/m1?color=arrival&block=2&cells=3-9&x=0-8&y=1.5-4",
    "#/migration?pair=a%3A1,b%3A2&cells=7",
  ])("writes %s as it was read", (hash) => {
    const address = parsed(hash);
    expect(address && migrationHash(address, address)).toBe(hash);
  });
});
