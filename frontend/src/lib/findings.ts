/** Findings in the order of what they cost, and where they lead. */
import type { Finding } from "../wire/types";

export type Severity = Finding["severity"];

/** The worst first, each with a mark that tells it without colour. */
export const SEVERITIES: readonly (readonly [severity: Severity, mark: string])[] = [
  ["critical", "✖"],
  ["warning", "▲"],
  ["notice", "◆"],
  ["info", "●"],
];

/** The mark of a severity. */
export function markOf(severity: Severity): string {
  return SEVERITIES.find(([known]) => known === severity)?.[1] ?? "";
}

/** The worst first, else as they came; of one severity only if one is given. */
export function bySeverity(findings: readonly Finding[], only: Severity | "all"): Finding[] {
  return SEVERITIES.filter(([severity]) => only === "all" || only === severity).flatMap(
    ([severity]) => findings.filter((finding) => finding.severity === severity),
  );
}

/** Choices of a filter: all, then each severity that occurs, with their numbers. */
export function severityChoices(
  findings: readonly Finding[],
): (readonly [value: Severity | "all", label: string])[] {
  const counted = SEVERITIES.map(
    ([severity, mark]) => [severity, mark, bySeverity(findings, severity).length] as const,
  ).filter(([, , count]) => count > 0);
  return [
    ["all", `all ${findings.length}`],
    ...counted.map(
      ([severity, mark, count]) => [severity, `${mark} ${severity} ${count}`] as const,
    ),
  ];
}

/** Those that have to do with this mapping. */
export function findingsOf(findings: readonly Finding[], pid: number, start: number): Finding[] {
  return findings.filter(({ links }) =>
    links.some((link) => link.pid === pid && link.start === start),
  );
}
