/**
 * The moment in the page's address, `?t=SECONDS` before the `#`: links on the page change only what follows the #, and so
 * lead to the same moment.
 */
import { Throttle } from "../lib/throttle";
import { momentIn } from "./moment";

/** Browsers refuse more than a few changes a second. */
const PERIOD_MS = 1000;

/** This address at that moment, seconds since 1970; null: at the present. */
export function addressAt(url: string, atS: number | null): string {
  const made = new URL(url);
  if (atS === null) made.searchParams.delete("t");
  // Never before what happened at that moment.
  else made.searchParams.set("t", String(Math.ceil(atS * 1000) / 1000));
  return made.href;
}

/** Keeps the address true, and tells when the user goes to another moment by it. */
export class MomentAddress {
  #written = momentIn(window.location.search);
  #pending = new Throttle<number | null>((atS) => {
    this.#write(atS, false);
  }, PERIOD_MS);

  /** `gone` gets the moment of an address that was gone to, by back, forward or by hand. */
  constructor(private readonly gone: (atS: number | null) => void) {}

  /** Listen until the returned function is called. */
  start(): () => void {
    const look = (): void => {
      const atS = momentIn(window.location.search);
      if (atS === this.#written) return;
      this.#written = atS;
      this.#pending.forget();
      this.gone(atS);
    };
    window.addEventListener("popstate", look);
    return () => {
      this.#pending.forget();
      window.removeEventListener("popstate", look);
    };
  }

  /** This moment is shown, or soon will be: a step in the history. */
  step(atS: number | null): void {
    this.#pending.forget();
    this.#write(atS, true);
  }

  /** This moment is shown by now. */
  follow(atS: number | null): void {
    this.#pending.push(atS);
  }

  #write(atS: number | null, step: boolean): void {
    const url = addressAt(window.location.href, atS);
    if (url === window.location.href) return;
    if (step) window.history.pushState(null, "", url);
    else window.history.replaceState(null, "", url);
    this.#written = momentIn(window.location.search);
  }
}
