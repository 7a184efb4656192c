/** Which page the map looks into, when it was read, and why it could not be. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { address, age, bytes, integer } from "../lib/format";
import type { Picture } from "../state/picture";
import type { Store } from "../state/store";

/** The page is read again while it is looked at; what is shown after a fault is what was read last. */
export function PartsHeading(props: {
  readonly store: Store;
  readonly picture: Picture;
}): JSX.Element {
  const { store, picture } = props;
  const { geometry, page, fault } = picture;
  const { detail } = store.parts.answer.value;
  const [readMs, setReadMs] = useState<number | null>(null);
  useEffect(() => {
    if (detail !== null) setReadMs(performance.now());
  }, [detail]);
  const chunk = page?.part ?? null;
  const ago = readMs === null ? null : age((store.nowMs.value - readMs) / 1000);
  return (
    <>
      <h2 data-testid="parts-heading">
        Inside {chunk !== null && `chunk ${integer(chunk)} of `}cell {integer(page?.cell ?? 0)}{" "}
        <span class="mono">{address(geometry.tableVa)}</span>{" "}
        <span class="muted">
          {integer(geometry.cellCount)} × {bytes(geometry.pageSize)}
          {ago !== null && (
            <>
              , read <span data-testid="parts-age">{ago}</span> ago
            </>
          )}
        </span>
      </h2>
      {fault !== null && (
        <p class="notice notice-gone" role="status" data-testid="parts-fault">
          {fault} {picture.complete && "What is shown is what was read last."}
        </p>
      )}
    </>
  );
}
