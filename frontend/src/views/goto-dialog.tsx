/** Asks where to go in a mapping, and goes there. */
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { ACCEPTED, goTo } from "../lib/goto";
import type { MappingInfo } from "../wire/types";
import { Dialog } from "./dialog";

/** Calls `go` with a cell of `here` or of another of the process' mappings. */
export function GoToDialog(props: {
  readonly here: MappingInfo;
  readonly mappings: readonly MappingInfo[];
  readonly go: (mapping: MappingInfo, cell: number) => void;
  readonly close: () => void;
}): JSX.Element {
  const { here, mappings, go, close } = props;
  const [fault, setFault] = useState<string | null>(null);
  const faultId = useId();
  return (
    <Dialog title="Go to" testId="go-to" close={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const place = new FormData(event.currentTarget).get("place");
          const found = goTo(typeof place === "string" ? place : "", here, mappings);
          if ("fault" in found) {
            setFault(found.fault);
            return;
          }
          close();
          go(found.mapping, found.cell);
        }}
      >
        <input
          name="place"
          class="mono"
          aria-label="address, offset or cell"
          aria-describedby={faultId}
          aria-invalid={fault !== null}
          autocomplete="off"
          spellcheck={false}
          autofocus
        />{" "}
        <button>Go</button>
        <p id={faultId} class={fault === null ? "muted" : "fault"} aria-live="polite">
          {fault ?? `Takes ${ACCEPTED}.`}
        </p>
      </form>
    </Dialog>
  );
}
