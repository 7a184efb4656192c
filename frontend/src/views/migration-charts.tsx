/** Charts of a migration: loaded when they come into sight. */
import type { JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { migrationTimelines } from "../state/migration-charts";
import type { MigrationPoint } from "../wire/types";
import { useInSight } from "./in-sight";
import { lazy } from "./lazy";

const chartsPart = lazy(() => import("./parts/charts"));

/** Rates, what is there, and what is left. */
export function MigrationCharts(props: {
  readonly points: readonly MigrationPoint[];
  readonly source: string | null;
}): JSX.Element {
  const { points, source } = props;
  const box = useRef<HTMLDivElement>(null);
  const seen = useRef(false);
  const inSight = useInSight(box);
  seen.current ||= inSight;
  const part = seen.current && points.length > 0 ? chartsPart() : null;
  const timelines = useMemo(() => migrationTimelines(points), [points]);
  return (
    <div class="mig-charts" ref={box}>
      {points.length === 0 && <p class="muted">No point of a timeline yet.</p>}
      {part && (
        <div class="charts" data-testid="mig-charts">
          {timelines.map((one) => (
            <part.TimelineChart key={one.key} timeline={one} source={source} />
          ))}
        </div>
      )}
    </div>
  );
}
