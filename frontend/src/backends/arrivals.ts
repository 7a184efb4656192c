/** Asks the server for the log of a migration's arrivals. */
import type { AskArrivals } from "../state/migration";

/** Asks relative to this page. */
export function arrivalsAsker(page: string): AskArrivals {
  return async (id, since, signal) => {
    const url = new URL(`api/v1/migrations/${id}/arrivals?since=${since}`, page);
    const answer = await fetch(url, { signal });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return answer.arrayBuffer();
  };
}
