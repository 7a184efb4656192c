/** Moments, in seconds since 1970, as places on a line and as words. */

/** What of time is shown or can be shown. */
export interface Span {
  readonly sinceS: number;
  readonly untilS: number;
}

/** Something at a moment. */
interface At {
  readonly at_s: number;
}

/** Moments nearer than this are one: what is shown is told to a tenth of a second. */
const SAME_S = 0.05;

/** Where a moment is in a span: 0 at its begin, 1 at its end; what is outside is at the nearer end. */
export function shareOf({ sinceS, untilS }: Span, atS: number): number {
  const lengthS = untilS - sinceS;
  return lengthS <= 0 ? 1 : Math.min(1, Math.max(0, (atS - sinceS) / lengthS));
}

/** The moment at a share of a span. */
export function momentAt({ sinceS, untilS }: Span, share: number): number {
  return sinceS + Math.min(1, Math.max(0, share)) * (untilS - sinceS);
}

/** The moment within the span that is nearest to this one. */
export function within({ sinceS, untilS }: Span, atS: number): number {
  return Math.max(sinceS, Math.min(untilS, atS));
}

/** The nearest of the events that is at most so far away; null: none is. */
export function nearest<Event extends At>(
  events: readonly Event[],
  atS: number,
  atMostS: number,
): Event | null {
  let found: Event | null = null;
  for (const event of events) {
    const awayS = Math.abs(event.at_s - atS);
    if (awayS <= atMostS && (found === null || awayS < Math.abs(found.at_s - atS))) found = event;
  }
  return found;
}

/** The first event after this moment, or the last before it; they are in order of time. */
export function neighbour<Event extends At>(
  events: readonly Event[],
  atS: number,
  step: 1 | -1,
): Event | null {
  const found =
    step > 0
      ? events.find((event) => event.at_s > atS + SAME_S)
      : events.filter((event) => event.at_s < atS - SAME_S).at(-1);
  return found ?? null;
}

/** Of events that would be drawn within so many seconds of each other, the one that ranks highest; in order of time. */
export function thinned<Event extends At>(
  events: readonly Event[],
  apartS: number,
  rank: (event: Event) => number,
): Event[] {
  const kept: Event[] = [];
  let beganS = -Infinity;
  for (const event of events) {
    const last = kept.at(-1);
    if (last === undefined || event.at_s - beganS >= apartS) {
      kept.push(event);
      beganS = event.at_s;
    } else if (rank(event) > rank(last)) kept[kept.length - 1] = event;
  }
  return kept;
}

/** A day and a time of day here: "2026-11-23 15:04:05.3"; without tenths while it moves on. */
export function momentWords(atS: number, tenths: boolean): readonly [day: string, time: string] {
  // Cut, not rounded: it is not the next second before that has begun.
  const at = new Date(Math.floor(atS * 10 + 1e-3) * 100);
  const two = (number: number): string => String(number).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  return [day, tenths ? `${time}.${Math.floor(at.getMilliseconds() / 100)}` : time];
}

const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
];

/** How long, in its two largest units: "3.4 s", "12 s", "4 min 10 s", "2 d 3 h". */
export function lengthWords(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < 9.95) return `${s.toFixed(1)} s`;
  const whole = Math.round(s);
  const at = UNITS.findIndex(([, unitS]) => whole >= unitS);
  const [name, unitS] = UNITS[at] ?? ["s", 1];
  const [nextName, nextS] = UNITS[at + 1] ?? ["s", 1];
  const rest = Math.floor((whole % unitS) / nextS);
  const first = `${Math.floor(whole / unitS)} ${name}`;
  return at < 0 || rest === 0 ? first : `${first} ${rest} ${nextName}`;
}

/** A time of which nothing is known, and why. */
interface Lost {
  readonly since_s: number;
  readonly until_s: number;
  readonly why: string;
}

/** The lost times in which this moment lies; at both ends of one something is known. */
export function lostAt<One extends Lost>(lost: readonly One[], atS: number): One[] {
  return lost.filter((one) => one.since_s < atS && atS < one.until_s);
}

/** "lost from 2026-11-23 15:04:05.3 to 2026-11-23 15:04:09.3 (4.0 s): why" */
export function lostWords({ since_s: sinceS, until_s: untilS, why }: Lost): string {
  const [since, until] = [sinceS, untilS].map((atS) => momentWords(atS, true).join(" "));
  return `lost from ${since} to ${until} (${lengthWords(untilS - sinceS)}): ${why}`;
}
