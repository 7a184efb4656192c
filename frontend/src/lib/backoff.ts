/** How long to wait before the next attempt to connect. */

export const FIRST_DELAY_S = 0.5;
export const LONGEST_DELAY_S = 10;

/**
 * Seconds before attempt `attempt` (0 is the first after a loss): doubles from half a second to ten, each drawn from
 * the upper half of its span, so that viewers of a restarted server do not come back in step.
 */
export function backoffDelay(attempt: number, random: () => number): number {
  const ceiling = Math.min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** Math.min(attempt + 1, 10));
  return ceiling * (0.5 + random() / 2);
}
