/** All keys and gestures of the map. */
import type { JSX } from "preact";
import { KEY_GROUPS } from "../lib/keys";
import { Dialog } from "./dialog";
import { HelpGroup, TIME_LINES } from "./help-group";

const GESTURES: readonly (readonly [gesture: string, words: string])[] = [
  ["Click", "select a cell"],
  ["Shift-click", "select up to this cell"],
  ["Double-click", "look inside a cell; beside the cells: show everything"],
  ["Drag", "zoom to a box, or move the window: as “drag to” says"],
  ["Shift-drag", "the other of these two"],
  ["Wheel", "zoom"],
  ["Shift-click in the legend", "show only this"],
];

/** Made from the table that the key handler uses. */
export function HelpDialog(props: { readonly close: () => void }): JSX.Element {
  return (
    <Dialog title="Keys of the map" testId="help" close={props.close}>
      <div class="help">
        {KEY_GROUPS.map(({ title, bindings }) => (
          <HelpGroup
            key={title}
            title={title}
            lines={bindings.map(({ shown, words }) => [shown, words] as const)}
          />
        ))}
        <HelpGroup title="Time, on every screen" lines={TIME_LINES} />
        <HelpGroup title="Mouse and touch" lines={GESTURES} />
      </div>
    </Dialog>
  );
}
