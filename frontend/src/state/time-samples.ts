/** Made-up words on time, for tests. */
import type { TimeState } from "../wire/types";

/** Live, with a past of 4000 s. */
export function sampleTime(change: Partial<TimeState> = {}): TimeState {
  return {
    type: "time",
    live: true,
    can_be_live: true,
    at_s: 5000,
    playing: true,
    speed: 1,
    since_s: 1000,
    until_s: 5000,
    lost: [],
    events_version: 1,
    travelled: 1,
    problem: null,
    ...change,
  };
}
