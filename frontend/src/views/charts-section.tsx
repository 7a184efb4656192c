/** Charts of a host: loaded and followed while they are open and in sight. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Followed } from "../state/follow";
import type { HostSummary } from "../wire/types";
import { useInSight } from "./in-sight";
import { lazy } from "./lazy";

const chartsPart = lazy(() => import("./parts/charts"));

/** For all hosts alike, as long as the page lives. */
const open = signal(true);

/** The section; its head closes and opens it. */
export function ChartsSection(props: {
  readonly host: HostSummary;
  readonly followed: Followed;
}): JSX.Element {
  const { host, followed } = props;
  const box = useRef<HTMLDivElement>(null);
  const seen = useRef(false);
  const wanted = useInSight(box) && open.value;
  seen.current ||= wanted;
  const hostId = host.host_id;
  useEffect(
    () => (wanted ? followed.watchStatistics(hostId) : undefined),
    [wanted, followed, hostId],
  );
  const part = seen.current ? chartsPart() : null;
  return (
    <details
      class="charts-section"
      open={open.value}
      data-testid="charts-section"
      onToggle={(event) => {
        open.value = event.currentTarget.open;
      }}
    >
      <summary>
        <h3>Charts</h3>
      </summary>
      <div class="charts-box" ref={box}>
        {part && <part.Charts host={host} history={followed.historyOf(hostId).value} />}
      </div>
    </details>
  );
}
