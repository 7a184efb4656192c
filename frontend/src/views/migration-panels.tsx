/** Everything about a migration that is told in numbers, below its maps. */
import type { JSX } from "preact";
import type { Migrating } from "../state/migration";
import type { Limit, MigrationState } from "../wire/types";
import { MigrationCharts } from "./migration-charts";
import { MigrationCollapse, MigrationFigures, MigrationQemu } from "./migration-figures";
import { DemandTable, WhatIfTable } from "./migration-tables";

/** Figures, tables and charts. */
export function MigrationPanels(props: {
  readonly migrating: Migrating;
  readonly state: MigrationState;
  readonly nowMs: number;
  /** Where the numbers are from, if not from a running kernel. */
  readonly source: string | null;
  /** Of the destination's host. */
  readonly limits: readonly Limit[];
}): JSX.Element {
  const { migrating, state, nowMs, source, limits } = props;
  return (
    <>
      <div class="mig-panels">
        <MigrationFigures {...{ migrating, state, limits }} />
        <MigrationCollapse {...{ migrating, state, nowMs }} />
        <WhatIfTable state={state} />
        <DemandTable {...{ migrating, state, nowMs }} />
        <MigrationQemu state={state} />
      </div>
      <MigrationCharts points={migrating.points.value} source={source} />
    </>
  );
}
