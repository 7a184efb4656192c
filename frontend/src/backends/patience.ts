/** Loads a part of the page that is not there from the start. */
import { backoffDelay } from "../lib/backoff";

/** A page that was loaded anew already has so many attempts, some five minutes, before it is again. */
const ATTEMPTS_BETWEEN = 30;

/** Until it comes: the server may be away for a while. `failed` is told of each attempt after the first. */
export async function patiently<T>(load: () => Promise<T>, failed = loadAnew): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await load();
    } catch {
      const waitMs = 1000 * backoffDelay(attempt, Math.random);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (attempt > 0) await failed(attempt);
    }
  }
}

/**
 * Load the page anew, where its server answers: a browser may keep a module that did not come once as failed for as
 * long as the page lives (Chromium 150 does), and another version of the server has other files.
 */
async function loadAnew(attempt: number): Promise<void> {
  const [how] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  if (how?.type === "reload" && attempt % ATTEMPTS_BETWEEN > 0) return;
  const answers = await fetch(".").then(
    ({ ok }) => ok,
    () => false,
  );
  if (answers) location.reload();
}
