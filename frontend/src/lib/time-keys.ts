/** The keys of time, which work on every screen. */
import type { FocusPlace } from "./focus-place";
import type { KeyPress } from "./keys";

export type TimeAction =
  "play" | "live" | "next-event" | "previous-event" | "faster" | "slower" | "slider";

export interface TimeKey {
  readonly action: TimeAction;
  readonly key: string;
  readonly words: string;
}

export const TIME_KEYS: readonly TimeKey[] = [
  { action: "play", key: "k", words: "play, pause" },
  { action: "live", key: "l", words: "back to live" },
  { action: "next-event", key: "n", words: "next event" },
  { action: "previous-event", key: "p", words: "previous event" },
  { action: "slower", key: "<", words: "slower" },
  { action: "faster", key: ">", words: "faster" },
  {
    action: "slider",
    key: "t",
    words: "to the time line; arrow keys then move by 1 s, Shift 10 s",
  },
];

/** What a key does; null: nothing. In the past Space plays and pauses too: there a map has nothing else to pause. */
export function timeActionOf(
  press: KeyPress,
  { typing, pressable }: FocusPlace,
  past: boolean,
): TimeAction | null {
  if (press.ctrlKey || press.metaKey || press.altKey || typing) return null;
  if (press.key === " ") return past && !pressable ? "play" : null;
  return TIME_KEYS.find(({ key }) => key === press.key)?.action ?? null;
}
