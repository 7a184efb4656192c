/** The viewer's link to the server, as the status bar words it. */

export type Connection =
  | { readonly phase: "connecting"; readonly attempt: number; readonly lostAtMs: number | null }
  | { readonly phase: "live"; readonly serverVersion: string; readonly serverEpoch: string }
  | {
      readonly phase: "waiting";
      readonly attempt: number;
      readonly lostAtMs: number | null;
      readonly retryAtMs: number;
    }
  | { readonly phase: "refused"; readonly message: string };

/** A loss may be a restart; after this long the server counts as gone. */
export const GONE_AFTER_S = 10;

export interface ConnectionWords {
  readonly tone: "good" | "late" | "gone";
  readonly text: string;
}

/** What to say about the link; times are of `performance.now()`. */
export function connectionWords(connection: Connection, nowMs: number): ConnectionWords {
  switch (connection.phase) {
    case "live":
      return { tone: "good", text: "live" };
    case "refused":
      return { tone: "gone", text: connection.message };
    case "connecting":
      return connection.lostAtMs === null && connection.attempt === 0
        ? { tone: "late", text: "connecting" }
        : { tone: lossTone(connection.lostAtMs, nowMs), text: "reconnecting now" };
    case "waiting": {
      const inS = Math.max(0, Math.ceil((connection.retryAtMs - nowMs) / 1000));
      const tone = lossTone(connection.lostAtMs, nowMs);
      const what = tone === "gone" ? "server gone, next try" : "reconnecting";
      return { tone, text: inS === 0 ? `${what} now` : `${what} in ${inS} s` };
    }
  }
}

function lossTone(lostAtMs: number | null, nowMs: number): "late" | "gone" {
  return lostAtMs === null || nowMs - lostAtMs > GONE_AFTER_S * 1000 ? "gone" : "late";
}
