/** What has the focus, and so the first claim on a key. */
export interface FocusPlace {
  /** The map's cells. */
  readonly cells: boolean;
  /** Text is typed here, or a dialog is open. */
  readonly typing: boolean;
  /** A button, link or the like, for which Space and Enter are a press. */
  readonly pressable: boolean;
}

const PRESSABLE = "button, a[href], summary, input, [role=button]";
const TYPING = "input:not([type=radio], [type=checkbox], [type=button]), textarea, select";

/** Where an event's target stands. */
export function focusPlace(target: EventTarget | null): FocusPlace {
  const element = target instanceof Element ? target : null;
  const within = (selector: string): boolean => element?.closest(selector) != null;
  return {
    cells: within("[data-cells]"),
    typing: within(`${TYPING}, dialog, [contenteditable]`),
    pressable: within(PRESSABLE),
  };
}
