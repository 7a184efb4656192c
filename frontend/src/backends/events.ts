/** Asks the server what was recorded, and what happened in it. */
import type { Span } from "../lib/time-axis";
import type { Recorded } from "../state/traveller";
import type { History, TimeEvents } from "../wire/types";
import { askJson } from "./api";

/** More cannot be told apart on a line. */
const LIMIT = 500;

/** Hosts, and the newest events of a time; relative to this page. */
export async function askRecorded(
  { sinceS, untilS }: Span,
  signal: AbortSignal,
): Promise<Recorded> {
  const url = new URL("api/v1/events", document.baseURI);
  const asked = { since_s: sinceS, until_s: untilS, limit: LIMIT };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, String(value));
  const [{ events }, { hosts }] = await Promise.all([
    askJson<TimeEvents>(url, signal),
    askJson<History>(new URL("api/v1/history", document.baseURI), signal),
  ]);
  return { events, hosts };
}
