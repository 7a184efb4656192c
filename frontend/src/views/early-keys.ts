/** Keys that are pressed before there is what acts on them. */
import { useEffect } from "preact/hooks";

/** Keep keys until `ready`, then hand them on where they were pressed, in their order. */
export function useEarlyKeys(ready: boolean): void {
  useEffect(() => {
    if (ready) return undefined;
    const kept: KeyboardEvent[] = [];
    const keep = (event: KeyboardEvent): void => {
      kept.push(event);
    };
    document.addEventListener("keydown", keep);
    return () => {
      document.removeEventListener("keydown", keep);
      // Those that act on them begin to listen in this very turn, and each key goes by what the one before changed.
      kept.forEach((event, at) => {
        window.setTimeout(
          () => {
            handOn(event);
          },
          EACH_MS * (at + 1),
        );
      });
    };
  }, [ready]);
}

function handOn({ key, code, shiftKey, ctrlKey, altKey, metaKey, target }: KeyboardEvent): void {
  const keys = { key, code, shiftKey, ctrlKey, altKey, metaKey };
  const there = target instanceof Element && target.isConnected ? target : document.body;
  there.dispatchEvent(new KeyboardEvent("keydown", { ...keys, bubbles: true, cancelable: true }));
}

/** By then the address has changed, and what was drawn by it acts. */
const EACH_MS = 50;
