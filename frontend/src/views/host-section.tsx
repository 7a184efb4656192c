/** Everything about one host but its cells. */
import type { JSX } from "preact";
import { age, bytes, decimal, integer, NOTHING } from "../lib/format";
import { hostName } from "../lib/host-name";
import { takenWords } from "../lib/words";
import { freshness } from "../state/freshness";
import type { Followed } from "../state/follow";
import { hostHash, type OverviewRoute } from "../state/route";
import type { AgentCost, HostReport, HostSummary, Skipped } from "../wire/types";
import { CapabilityList, LimitTable } from "./capability-list";
import { ChartsSection } from "./charts-section";
import { reportPart } from "./parts";
import { PoolTable } from "./pool-table";
import { ProcessTable } from "./process-table";
import { SourceBanner } from "./source-banner";

export interface HostProps {
  readonly host: HostSummary;
  readonly receivedAtMs: number;
  readonly nowMs: number;
  /** What is shown was recorded, and is played here. */
  readonly played: boolean;
}

/** One host in full. */
export function HostSection(
  props: HostProps & {
    readonly report: HostReport | null;
    readonly route: OverviewRoute;
    readonly followed: Followed;
    readonly past: boolean;
  },
): JSX.Element {
  const { host, report, route, followed } = props;
  const panels = report && reportPart();
  return (
    <section
      class="host"
      aria-label={`host ${hostName(host)}`}
      data-testid="host"
      data-host={host.host_id}
    >
      <SourceBanner source={host.source} past={props.past} />
      <HostTitle {...props} />
      <CostLine cost={host.cost} version={host.agent_version} />
      <CapabilityList capabilities={host.capabilities} />
      <LimitTable limits={host.limits} />
      {panels && (
        <>
          <h3>
            Findings <ReportAge {...props} takenAt={report.taken_at} />
          </h3>
          <panels.FindingsPanel host={host} findings={report.findings} takenAt={report.taken_at} />
        </>
      )}
      <h3>Pools</h3>
      <PoolTable pools={host.pools} />
      <h3>Processes</h3>
      <SkippedLine skipped={host.skipped} />
      <ProcessTable
        followed={followed}
        hostId={host.host_id}
        epoch={host.epoch}
        route={route}
        processes={host.processes}
      />
      <ChartsSection host={host} followed={followed} />
      {panels && (
        <>
          <ReportAge {...props} takenAt={report.taken_at} />
          <panels.AccountPanel host={host} report={report} />
        </>
      )}
    </section>
  );
}

/** How long before now the report was made, which comes seldomer than the cells. */
function ReportAge(props: HostProps & { readonly takenAt: string }): JSX.Element {
  const { host, receivedAtMs, nowMs, takenAt } = props;
  const behindS = (Date.parse(host.taken_at) - Date.parse(takenAt)) / 1000;
  const ageS = freshness(host, receivedAtMs, nowMs).ageS + Math.max(0, behindS);
  return (
    <span class="report-age muted" data-testid="report-age">
      as of {age(ageS)} ago
    </span>
  );
}

function HostTitle(props: HostProps & { readonly route: OverviewRoute }): JSX.Element {
  const { host } = props;
  return (
    <div class="host-title">
      <h2>
        <a href={hostHash(host.host_id, props.route)}>{hostName(host)}</a>
      </h2>
      <LinkBadge {...props} />
      <span class="muted">
        Linux <span class="mono">{host.host.kernel ?? "of unknown version"}</span>
      </span>
      {host.source.kind !== "live" && (
        <TakenAt kind={host.source.kind} takenAt={host.taken_at} played={props.played} />
      )}
    </div>
  );
}

function TakenAt(props: {
  readonly kind: "capture" | "replay";
  readonly takenAt: string;
  readonly played: boolean;
}): JSX.Element {
  const [before, after] = takenWords(props.kind, props.played);
  const shown = new Date(props.takenAt).toISOString().slice(0, 19).replace("T", " ");
  return (
    <span class="muted" data-testid="taken-at">
      {before} <time dateTime={props.takenAt}>{shown} UTC</time> {after}
    </span>
  );
}

/** The agent's link and the age of what it sent. */
export function LinkBadge({ host, receivedAtMs, nowMs, played }: HostProps): JSX.Element {
  const { ageS, tone } = freshness(host, receivedAtMs, nowMs);
  const words = tone === "good" ? "live" : tone;
  return (
    <span class={`badge badge-${tone}`} data-testid="host-link" data-link={tone}>
      <span class="dot" aria-hidden="true" /> agent {played && "was "}
      {words}
      <span class="badge-age" data-testid="host-age">
        {age(ageS)} old
      </span>
    </span>
  );
}

/** What watching this host costs it. */
export function CostLine(props: {
  readonly cost: AgentCost | null;
  readonly version: string;
}): JSX.Element {
  const { cost } = props;
  if (cost === null) {
    return (
      <p class="cost muted" data-testid="agent-cost">
        Agent {props.version || "of unknown version"}: its own cost is not known yet.
      </p>
    );
  }
  const facts: readonly (readonly [string, string])[] = [
    ["agent", props.version || NOTHING],
    ["CPU", `${cost.cpu_percent.toFixed(1)} % of a core`],
    ["tick", `${cost.tick_ms.toFixed(cost.tick_ms < 10 ? 2 : 0)} ms`],
    ["rate", `${cost.tick_hz.toFixed(1)} Hz`],
    ["cells", integer(cost.cells)],
    ["all re-read in", cost.refresh_s === null ? NOTHING : `${decimal(cost.refresh_s)} s`],
    ["memory", cost.rss_bytes === null ? NOTHING : bytes(cost.rss_bytes)],
  ];
  return (
    <dl class="facts facts-line" data-testid="agent-cost">
      {facts.map(([term, value]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function SkippedLine({ skipped }: { readonly skipped: Skipped }): JSX.Element | null {
  const parts = [
    skipped.denied > 0 && `${integer(skipped.denied)} not permitted`,
    skipped.failed > 0 && `${integer(skipped.failed)} failed`,
    skipped.gone > 0 && `${integer(skipped.gone)} ended meanwhile`,
  ].filter((part) => part !== false);
  if (parts.length === 0) return null;
  const tone = skipped.denied + skipped.failed > 0 ? "note note-late" : "note";
  return (
    <p class={tone} data-testid="skipped">
      Processes that could not be read: {parts.join(", ")}.
    </p>
  );
}
