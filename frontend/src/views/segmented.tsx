/** A choice of few, all of them in sight: radio buttons that look like one control. */
import type { JSX } from "preact";

/** Calls `choose` with the option taken. */
export function Segmented<T extends string>(props: {
  readonly name: string;
  readonly label: string;
  readonly options: readonly (readonly [value: T, label: string])[];
  readonly value: T;
  readonly choose: (value: T) => void;
}): JSX.Element {
  return (
    <fieldset class="segmented" data-testid={props.name}>
      <legend>{props.label}</legend>
      {props.options.map(([value, label]) => (
        <label key={value} class={value === props.value ? "chosen" : ""}>
          <input
            type="radio"
            name={props.name}
            value={value}
            checked={value === props.value}
            onChange={() => {
              props.choose(value);
            }}
          />
          {label}
        </label>
      ))}
    </fieldset>
  );
}
