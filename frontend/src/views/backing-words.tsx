/** What a mapping maps, in words. */
import type { JSX } from "preact";
import type { Backing } from "../wire/types";

/** Kind and name of what is behind a mapping. */
export function BackingWords(props: {
  readonly backing: Backing;
  readonly shared: boolean;
}): JSX.Element {
  const { kind, name } = props.backing;
  return (
    <>
      {props.shared ? "shared" : "private"} {kind}
      {name !== null && (
        <>
          {" "}
          <span class="mono name" title={name}>
            {name}
          </span>
        </>
      )}
    </>
  );
}
