/** Parts of the page that come when they are first needed. */
import { signal } from "@preact/signals";
import { patiently } from "../backends/patience";

/**
 * A function that gives the part, or null until it is there; a component that asked is then drawn anew. The first call
 * starts loading, and while the server is away it is tried again.
 */
export function lazy<T>(load: () => Promise<T>): () => T | null {
  const loaded = signal<T | null>(null);
  let asked = false;
  return () => {
    if (!asked) {
      asked = true;
      void patiently(load).then((part) => {
        loaded.value = part;
      });
    }
    return loaded.value;
  };
}
