/** What the owner of a host should know, worst first; each leads to its cells. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { bySeverity, markOf, severityChoices, type Severity } from "../lib/findings";
import { address, integer } from "../lib/format";
import type { Finding, HostSummary } from "../wire/types";
import { Fold, PlaceLink, useMore } from "./listing";
import { Segmented } from "./segmented";

/** The findings of a report, or of a part of it. */
export function FindingsPanel(props: {
  readonly host: HostSummary;
  readonly findings: readonly Finding[];
  readonly takenAt: string;
}): JSX.Element {
  const { host, findings } = props;
  const [wanted, setWanted] = useState<Severity | "all">("all");
  const choices = severityChoices(findings);
  const only = choices.some(([value]) => value === wanted) ? wanted : "all";
  const [shown, more] = useMore(bySeverity(findings, only));
  if (findings.length === 0) {
    return (
      <p class="muted" data-testid="no-findings">
        No findings. Looked at{" "}
        <time dateTime={props.takenAt}>{props.takenAt.slice(0, 19).replace("T", " ")} UTC</time>.
      </p>
    );
  }
  return (
    <div class="findings" data-testid="findings">
      {choices.length > 2 && (
        <Segmented
          name={`severity-${host.host_id}`}
          label="show"
          options={choices}
          value={only}
          choose={setWanted}
        />
      )}
      <ul>
        {shown.map((finding) => (
          <FindingItem key={finding.key} finding={finding} host={host} />
        ))}
      </ul>
      {more}
    </div>
  );
}

/** A severity by mark and word. */
function SeverityWords({ severity }: { readonly severity: Severity }): JSX.Element {
  return (
    <span class={`severity severity-${severity}`}>
      <span aria-hidden="true">{markOf(severity)}</span> {severity}
    </span>
  );
}

interface FindingProps {
  readonly finding: Finding;
  readonly host: HostSummary;
}

function FindingItem({ finding, host }: FindingProps): JSX.Element {
  const line = (
    <>
      <SeverityWords severity={finding.severity} /> <span>{finding.what}</span>
    </>
  );
  return (
    <li data-code={finding.code}>
      <Fold line={line} testId="finding">
        {() => <FindingBody finding={finding} host={host} />}
      </Fold>
    </li>
  );
}

function FindingBody({ finding, host }: FindingProps): JSX.Element {
  const [links, more] = useMore(finding.links);
  return (
    <div class="finding-body">
      <p>{finding.why}</p>
      <p>{finding.advice}</p>
      {finding.command !== null && <pre>{finding.command}</pre>}
      {finding.evidence.length > 0 && (
        <div class="table-box">
          <table>
            <tbody>
              {finding.evidence.map((one, at) => (
                <tr key={at}>
                  <th scope="row">{one.name}</th>
                  <td>
                    {one.value} <span class="muted">{one.source}</span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <ul>
        {links.map((link) => (
          <li key={`${link.pid}/${link.start}/${link.first}`}>
            <PlaceLink host={host} place={link}>
              {linkWords(link, host)}
            </PlaceLink>
          </li>
        ))}
      </ul>
      {more}
    </div>
  );
}

function linkWords(
  { pid, start, first, count }: Finding["links"][number],
  host: HostSummary,
): string {
  const comm = host.processes.find((process) => process.pid === pid)?.comm ?? "pid";
  const cells =
    count === 0
      ? "the mapping"
      : count === 1
        ? `cell ${integer(first)}`
        : `cells ${integer(first)}–${integer(first + count - 1)}`;
  return `${cells} of ${comm} ${pid} at ${address(start)}`;
}
