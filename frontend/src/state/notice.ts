/** What the map says above the picture when the picture is not simply live. */
import { age } from "../lib/format";
import type { HostSummary } from "../wire/types";
import type { Connection } from "./connection";
import { GONE_AFTER_S, LATE_AFTER_S, type Tone } from "./freshness";
import { find, identityOf, sameIdentity, type Selection } from "./selection";
import type { Overview } from "../wire/types";

export interface Notice {
  readonly tone: Tone;
  readonly text: string;
  /** Whether another mapping stands at this address now and can be opened instead. */
  readonly other: boolean;
}

export interface Situation {
  readonly connection: Connection;
  readonly selection: Selection;
  readonly overview: Overview | null;
  readonly host: HostSummary | null;
  /** What is shown is of a moment that is not the present. */
  readonly past: boolean;
  /** Whether there is a picture to look at. */
  readonly pictured: boolean;
  /** Age of what is shown; null when nothing is known of it. */
  readonly ageS: number | null;
}

const LAST = "This is its last picture.";

/** The notice to show; null when the picture is live. */
export function noticeOf(situation: Situation): Notice | null {
  const { connection, selection, host, pictured } = situation;
  const shown = pictured ? ` ${LAST}` : "";
  if (connection.phase !== "live") {
    const old = situation.ageS === null ? "" : ` It is ${age(situation.ageS)} old.`;
    const last = pictured ? `This is the last picture from before.${old}` : "";
    return notice("gone", `There is no connection to the server. ${last}`.trim());
  }
  if (situation.overview === null) return notice("good", "Waiting for the server's overview.");
  if (host === null) {
    const id = selection.wanted?.hostId ?? "";
    return notice("gone", `The server knows no host “${id}”.${shown}`);
  }
  return hostNotice(situation, host) ?? selectionNotice(situation, shown);
}

function hostNotice({ pictured, ageS, past }: Situation, host: HostSummary): Notice | null {
  if (host.link === "live") return silence(ageS, pictured);
  const since = ageS === null ? "" : ` ${age(ageS)} ${past ? "before" : "ago"}`;
  const agent = past
    ? "Nothing is known of this moment; the host"
    : `The host's agent is ${host.link}; it`;
  const shown = pictured ? " The picture is as old as that." : "";
  return notice(host.link, `${agent} last sent something${since}.${shown}`);
}

/** Of a server that hangs: the connection stands, and its last word is that all is well. */
function silence(ageS: number | null, pictured: boolean): Notice | null {
  if (ageS === null || ageS < LATE_AFTER_S) return null;
  const tone = ageS < GONE_AFTER_S ? "late" : "gone";
  const shown = pictured ? " The picture is as old as that." : "";
  return notice(tone, `Nothing new has come for ${age(ageS)}.${shown}`);
}

function selectionNotice(situation: Situation, shown: string): Notice | null {
  const { selection, overview, pictured } = situation;
  if (isOther(selection, overview)) {
    const text = `The mapping shown here is gone; another one stands at its address now.${shown}`;
    return { tone: "gone", text, other: true };
  }
  switch (selection.phase) {
    case "live":
    case "idle":
      return null;
    case "asked":
      return pictured ? notice("late", "Picking the mapping up again.") : null;
    case "searching": {
      // What is there and not asked for yet is about to be: what shows it is being loaded.
      const there = selection.wanted && overview && find(overview, selection.wanted);
      if (there) return null;
      return notice("gone", `The process has no such mapping (any more).${shown}`);
    }
    case "ended":
      return endedNotice(selection, shown);
  }
}

function endedNotice({ ended }: Selection, shown: string): Notice {
  switch (ended?.code) {
    case "host_restarted":
      return notice("late", `The agent restarted; looking for this mapping again.${shown}`);
    case "mapping_gone":
      return notice("gone", `The mapping is gone: unmapped, or its process ended.${shown}`);
    case "no_such_host":
    case "no_such_mapping":
    case "view_outside":
    case undefined:
      return notice("gone", `${ended?.message ?? "The server sends no more of it."}${shown}`);
  }
}

function isOther(selection: Selection, overview: Overview | null): boolean {
  if (selection.identity === null || selection.wanted === null || overview === null) return false;
  const found = find(overview, selection.wanted);
  return found !== null && !sameIdentity(selection.identity, identityOf(found.mapping));
}

function notice(tone: Tone, text: string): Notice {
  return { tone, text, other: false };
}
