import { expect, it } from "vitest";
import type { Limit } from "../wire/types";
import { limitOf } from "./limits";

const limit = (capability: string): Limit => {
  return { capability, reason: "r", cost: "c", remedy: null };
};

it("names the limit that a colour suffers from, and no other", () => {
  const limits = [limit("pagemap_scan"), limit("kpageflags")];
  expect(limitOf("mapcount", { limits })?.capability).toBe("kpageflags");
  expect(limitOf("mappers", { limits })).toBeNull();
  expect(limitOf("node", { limits: [limit("pfn")] })?.capability).toBe("pfn");
  expect(limitOf("state", { limits: [limit("pfn")] })).toBeNull();
  expect(limitOf("age", { limits: [limit("pfn")] })).toBeNull();
});
