import { describe, expect, it } from "vitest";
import type { Finding } from "../wire/types";
import { bySeverity, findingsOf, markOf, severityChoices, type Severity } from "./findings";

function finding(key: string, severity: Severity, start = 0): Finding {
  return {
    key,
    code: "split-mapping",
    severity,
    what: "",
    why: "",
    advice: "",
    command: null,
    evidence: [],
    links: [{ pid: 7, start, first: 0, count: 0 }],
    pids: [],
  };
}

const ALL = [finding("a", "info"), finding("b", "critical"), finding("c", "info", 4096)];
const keys = (findings: readonly Finding[]): string => findings.map(({ key }) => key).join("");

describe("findings", () => {
  it("come worst first, else as they were", () => {
    expect(keys(bySeverity(ALL, "all"))).toBe("bac");
    expect(keys(bySeverity(ALL, "info"))).toBe("ac");
  });

  it("are counted by severity, those that occur", () => {
    expect(severityChoices(ALL)).toEqual([
      ["all", "all 3"],
      ["critical", "✖ critical 1"],
      ["info", "● info 2"],
    ]);
    expect(severityChoices([])).toEqual([["all", "all 0"]]);
  });

  it("have a mark for each severity", () => {
    const marks = (["critical", "warning", "notice", "info"] as const).map(markOf);
    expect(new Set(marks).size).toBe(4);
  });

  it("of a mapping are those that lead to it", () => {
    expect(keys(findingsOf(ALL, 7, 4096))).toBe("c");
    expect(findingsOf(ALL, 8, 4096)).toEqual([]);
  });
});
