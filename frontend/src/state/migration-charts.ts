/** How a migration went, as timelines. */
import { agoOf, withGaps, type Timeline } from "../lib/timeline";
import type { MigrationPoint } from "../wire/types";

type Line = readonly [key: string, label: string, of: (point: MigrationPoint) => number | null];

/** Rates, what is there at both ends, and what is left to come and in the pool. */
export function migrationTimelines(points: readonly MigrationPoint[]): Timeline[] {
  const all = withGaps(points);
  const agoS = agoOf(all);
  const timeline = (
    key: string,
    title: string,
    unit: string,
    lines: readonly Line[],
  ): Timeline => ({
    key,
    title,
    unit,
    agoS,
    series: lines.map(([name, label, of]) => ({
      key: name,
      label,
      values: all.map((point) => point && of(point)),
    })),
  });
  return [
    timeline("arrivals", "Arrivals: at the destination, pages a second", "pages a second", [
      ["sweep", "in order", (point) => point.sweep],
      ["demand", "demanded", (point) => point.demand],
      ["punched", "punched out", (point) => point.punched],
    ]),
    timeline("present", "Present: pages of the guest’s RAM", "pages", [
      ["source", "source", (point) => point.source_present],
      ["destination", "destination", (point) => point.destination_present],
    ]),
    timeline("left", "To come: and what the destination’s pool has for others", "pages", [
      ["left", "still to come", (point) => point.left],
      ["pool", "pool, free and not reserved", (point) => point.pool_left],
    ]),
  ];
}
