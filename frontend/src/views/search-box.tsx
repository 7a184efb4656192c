/** Searches hosts, machines, processes and mappings; the address keeps what for. */
import type { JSX, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { OverviewRoute } from "../state/route";
import { showOverview } from "./sort-head";

/** Browsers refuse an address that changes with every key. */
const TYPING_MS = 150;

/** The box, and beside it what was found; `/` leads to it from everywhere, Escape empties it. */
export function SearchBox(props: {
  readonly route: OverviewRoute;
  readonly found: string;
}): JSX.Element {
  const { q } = props.route;
  const input = useRef<HTMLInputElement>(null);
  const latest = useRef(props.route);
  latest.current = props.route;
  const typing = useRef<number | undefined>(undefined);
  useEffect(() => {
    if (input.current && typing.current === undefined) input.current.value = q;
  }, [q]);
  useSlash(input);
  useEffect(
    () => () => {
      window.clearTimeout(typing.current);
    },
    [],
  );
  const search = (afterMs: number): void => {
    window.clearTimeout(typing.current);
    typing.current = window.setTimeout(() => {
      typing.current = undefined;
      showOverview(latest.current, { q: input.current?.value.trim() ?? "" });
    }, afterMs);
  };
  return (
    <div class="search" role="search">
      <label>
        <span class="unseen">search</span>
        <input
          ref={input}
          type="search"
          placeholder="search: name, pid, backing, address"
          aria-keyshortcuts="/"
          autocomplete="off"
          spellcheck={false}
          data-testid="search"
          onInput={() => {
            search(TYPING_MS);
          }}
          onKeyDown={(event) => {
            if (event.key === "Escape") event.currentTarget.value = "";
            if (event.key === "Escape" || event.key === "Enter") search(0);
          }}
        />
      </label>
      <kbd aria-hidden="true">/</kbd>
      <span class="muted" role="status" data-testid="found">
        {props.found}
      </span>
    </div>
  );
}

/** `/` leads to this input from everywhere but where it can be typed. */
function useSlash(input: RefObject<HTMLInputElement>): void {
  useLayoutEffect(() => {
    const focus = (event: KeyboardEvent): void => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      const { target } = event;
      if (target instanceof HTMLElement && target.matches("input:not([type=radio]),select")) return;
      event.preventDefault();
      input.current?.select();
    };
    window.addEventListener("keydown", focus);
    return () => {
      window.removeEventListener("keydown", focus);
    };
  }, [input]);
}
