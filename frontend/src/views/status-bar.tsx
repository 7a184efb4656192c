/** Always on screen: the link to the server, how old the picture is, what watching costs. */
import type { JSX } from "preact";
import { age, integer } from "../lib/format";
import { hostName } from "../lib/host-name";
import { connectionWords } from "../state/connection";
import { freshness, oldest } from "../state/freshness";
import { hostOf } from "../state/route";
import type { Store } from "../state/store";
import type { HostSummary } from "../wire/types";

/** The bar at the lower edge. */
export function StatusBar({ store }: { readonly store: Store }): JSX.Element {
  const nowMs = store.nowMs.value;
  const { tone, text } = connectionWords(store.connection.value, nowMs);
  const phase = store.connection.value.phase === "live" ? "live" : tone;
  return (
    <div class="status-bar" data-tone={tone}>
      <span class={`status status-${tone}`} data-testid="connection" data-tone={tone}>
        <span class="dot" aria-hidden="true" /> server <b>{text}</b>
      </span>
      {/* The countdown would be read out every second; this says only what it is about. */}
      <span class="unseen" role="status">
        {phase === "live" ? "server live" : phase === "late" ? "reconnecting" : "server gone"}
      </span>
      <HostStatus store={store} nowMs={nowMs} />
    </div>
  );
}

function HostStatus(props: { readonly store: Store; readonly nowMs: number }): JSX.Element | null {
  const received = props.store.received.value;
  const host = hostInView(props.store);
  if (received === null || host === null) return null;
  const { receivedAtMs } = received;
  const nowMs = props.store.time.agedMs(receivedAtMs, props.nowMs);
  const { ageS, tone } = freshness(host, receivedAtMs, nowMs);
  const several = received.overview.hosts.length > 1;
  const { cost } = host;
  return (
    <>
      <span class={`status status-${tone}`} data-testid="picture-age" data-tone={tone}>
        picture <b>{age(ageS)}</b> old
        {several && <span class="status-host"> ({hostName(host)})</span>}
      </span>
      {cost !== null && (
        <span class="status status-cost" data-testid="status-cost">
          agent <b>{cost.cpu_percent.toFixed(1)} %</b> CPU
          <span class="status-more">
            {" "}
            · {cost.tick_ms.toFixed(1)} ms at {cost.tick_hz.toFixed(1)} Hz · {integer(cost.cells)}{" "}
            cells
          </span>
        </span>
      )}
      {host.source.kind !== "live" && (
        <span class="status status-source">
          <b>{props.store.time.past.value ? "PAST" : host.source.kind.toUpperCase()}</b>
        </span>
      )}
    </>
  );
}

/** The host that the screen is about; on the overview the one whose picture is oldest. */
function hostInView(store: Store): HostSummary | null {
  const hosts = store.received.value?.overview.hosts ?? [];
  const id = hostOf(store.route.value);
  if (id === null) return oldest(hosts);
  return hosts.find((host) => host.host_id === id) ?? null;
}
