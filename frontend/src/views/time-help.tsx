/** The keys of screens without keys of their own. */
import type { JSX } from "preact";
import { Dialog } from "./dialog";
import { HelpGroup, TIME_LINES } from "./help-group";

/** Of screens without keys of their own. */
export function TimeHelpDialog(props: { readonly close: () => void }): JSX.Element {
  return (
    <Dialog title="Keys of the time" testId="help" close={props.close}>
      <div class="help">
        <HelpGroup
          title="On every screen"
          lines={[...TIME_LINES, ["Space", "in the past: play, pause"], ["?", "these keys"]]}
        />
      </div>
    </Dialog>
  );
}
