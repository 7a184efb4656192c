/** Hands the keys of the table in lib/keys.ts to the screen. */
import { useEffect, useRef } from "preact/hooks";
import { bindingOf, focusPlace, type KeyAction } from "../lib/keys";

/** Calls `act` for each key that means something where the focus is; true: the browser is not to act on it, too. */
export function useKeys(act: (action: KeyAction, key: string) => boolean): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (event.defaultPrevented) return;
      const found = bindingOf(event, focusPlace(event.target));
      if (found !== null && latest.current(found.action, event.key)) event.preventDefault();
    };
    document.addEventListener("keydown", listen);
    return () => {
      document.removeEventListener("keydown", listen);
    };
  }, []);
}
