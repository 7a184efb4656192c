/** What the host's report says of one mapping: facts beyond its cells, and findings. */
import type { JSX } from "preact";
import { findingsOf, severityChoices } from "../lib/findings";
import { mappingFacts } from "../lib/mapping-facts";
import type { MapAddress } from "../state/route";
import type { HostReport, HostSummary } from "../wire/types";
import { FindingsPanel } from "./findings-panel";
import { Fold } from "./listing";

/** Facts in a line; findings closed at first, for the map comes before what is said about it. */
export function MappingPanel(props: {
  readonly host: HostSummary;
  readonly report: HostReport;
  readonly address: MapAddress;
}): JSX.Element {
  const { host, report } = props;
  const { pid, start } = props.address;
  const findings = findingsOf(report.findings, pid, start);
  const said = report.mappings.find((one) => one.pid === pid && one.start === start);
  const facts = said ? mappingFacts(said) : [];
  const panel = <FindingsPanel host={host} findings={findings} takenAt={report.taken_at} />;
  const counts = severityChoices(findings).slice(1);
  return (
    <>
      {facts.length > 0 && (
        <dl class="facts facts-line" data-testid="mapping-report">
          {facts.map(([term, value]) => (
            <div key={term}>
              <dt>{term}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {findings.length === 0 ? (
        panel
      ) : (
        <Fold
          line={`Findings on this mapping: ${counts.map(([, words]) => words).join(" · ")}`}
          testId="mapping-findings"
        >
          {() => panel}
        </Fold>
      )}
    </>
  );
}
