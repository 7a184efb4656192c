/** Says, unmistakably, when what is shown is not this machine's memory now. */
import type { JSX } from "preact";
import type { Source } from "../wire/types";

/** Nothing for a live source. */
export function SourceBanner({ source }: { readonly source: Source }): JSX.Element | null {
  if (source.kind === "live") return null;
  const what = source.name === null ? "" : ` of ${source.name}`;
  return (
    <p class="source-banner" role="note" data-testid="source-banner" data-kind={source.kind}>
      <strong>
        {source.kind.toUpperCase()}
        {what}
      </strong>
      : not this machine’s memory now
    </p>
  );
}
