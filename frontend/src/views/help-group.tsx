/** Keys and what they do, as all helps show them. */
import type { JSX } from "preact";
import { TIME_KEYS } from "../lib/time-keys";

/** The keys of time. */
export const TIME_LINES = TIME_KEYS.map(({ key, words }) => [key, words] as const);

/** A heading and its lines. */
export function HelpGroup(props: {
  readonly title: string;
  readonly lines: readonly (readonly [keys: string, words: string])[];
}): JSX.Element {
  return (
    <section>
      <h3>{props.title}</h3>
      <dl>
        {props.lines.map(([keys, words]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
