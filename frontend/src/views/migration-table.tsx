/** Tables of the migration screen. */
import type { ComponentChildren, JSX } from "preact";

/** A head's label, and its class where it is of numbers. */
export type Head = readonly [label: string, name?: "number"];

/** A table that scrolls where it is too wide or too long, and so has to be reached by keyboard. */
export function ScrolledTable(props: {
  readonly label: string;
  readonly head: readonly Head[];
  readonly children: ComponentChildren;
}): JSX.Element {
  const { label, head, children } = props;
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label={`table: ${label}`}>
      <table>
        <thead>
          <tr>
            {head.map(([words, name]) => (
              <th key={words} scope="col" class={name}>
                {words}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
