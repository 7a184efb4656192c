/**
 * How old what is shown is: the age that the server gave, plus the time since its message came, on this page's
 * monotonic clock. No wall clock and no clock of the agent takes part.
 */
import type { HostSummary } from "../wire/types";

export const LATE_AFTER_S = 3;
export const GONE_AFTER_S = 10;

export type Tone = "good" | "late" | "gone";

export interface Freshness {
  readonly ageS: number;
  readonly tone: Tone;
}

/** Age and tone of one host's picture. */
export function freshness(host: HostSummary, receivedAtMs: number, nowMs: number): Freshness {
  const ageS = host.age_s + Math.max(0, nowMs - receivedAtMs) / 1000;
  if (host.link === "gone" || ageS >= GONE_AFTER_S) return { ageS, tone: "gone" };
  if (host.link === "late" || ageS >= LATE_AFTER_S) return { ageS, tone: "late" };
  return { ageS, tone: "good" };
}

/** The host whose picture is oldest; null without hosts. */
export function oldest(hosts: readonly HostSummary[]): HostSummary | null {
  return hosts.reduce<HostSummary | null>(
    (worst, host) => (worst === null || host.age_s > worst.age_s ? host : worst),
    null,
  );
}
