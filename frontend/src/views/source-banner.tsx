/** Says, unmistakably, when what is shown is not this machine's memory now. */
import type { JSX } from "preact";
import type { Source } from "../wire/types";

/** Nothing for a live source, nor for the past of one: there the bars of the page say so. */
export function SourceBanner(props: {
  readonly source: Source;
  readonly past: boolean;
}): JSX.Element | null {
  const { source, past } = props;
  if (source.kind === "live" || past) return null;
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
