/** Loads a part of the page that is not there from the start. */
import { backoffDelay } from "./backoff";

/** Until it comes: the server may be away for a while. */
export async function patiently<T>(load: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await load();
    } catch {
      const waitMs = 1000 * backoffDelay(attempt, Math.random);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}
