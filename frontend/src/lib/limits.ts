/** What a host does not show, where it matters on the map. */
import type { HostSummary, Limit } from "../wire/types";
import type { ColorMode } from "./palette";

const NEEDS: Readonly<Partial<Record<ColorMode, readonly string[]>>> = {
  mapcount: ["pfn", "kpageflags"],
  mappers: ["pfn"],
  node: ["pfn"],
};

/** The limit that leaves what this mode colours by unknown, wholly or in part; null: none does. */
export function limitOf(mode: ColorMode, host: Pick<HostSummary, "limits">): Limit | null {
  const needed = NEEDS[mode] ?? [];
  return host.limits.find(({ capability }) => needed.includes(capability)) ?? null;
}
