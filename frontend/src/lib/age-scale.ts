/** Classes of the time since a cell last changed, by its order of magnitude. */
import { sequential, type Rgb } from "./color";
import { age } from "./format";

/** Seconds at which classes end; the last has no end. */
export const ENDS_S: readonly number[] = [
  1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10_800, 36_000, 86_400,
];

export const AGE_CLASSES = ENDS_S.length + 1;

/** 0 for what changed within the last second, up to `AGE_CLASSES - 1`. */
export function ageClass(ageS: number): number {
  let at = 0;
  while (at < ENDS_S.length && ageS >= (ENDS_S[at] ?? 0)) at++;
  return at;
}

/** "changed 3–10 s ago" and the like. */
export function ageWords(at: number): string {
  const words = (seconds: number): string => age(seconds).replace(".0 ", " ");
  const [from, end] = [ENDS_S[at - 1], ENDS_S[at]];
  if (from === undefined) return `changed in the last ${words(end ?? 0)}`;
  return end === undefined
    ? `changed over ${words(from)} ago`
    : `changed ${words(from)} to ${words(end)} ago`;
}

/** The newest stands out most from the background. */
export function ageColor(at: number, dark: boolean): Rgb {
  const share = at / (AGE_CLASSES - 1);
  return dark ? sequential("viridis", 1 - 0.8 * share) : sequential("viridis", 0.95 * share);
}
