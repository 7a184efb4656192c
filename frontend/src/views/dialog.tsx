/** A modal dialog of the browser's own: it keeps the focus inside, Esc closes it, and the focus goes back. */
import type { ComponentChildren, JSX } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import "../styles/dialog.css";

/** Open as long as it is drawn; calls `close` when it was closed. */
export function Dialog(props: {
  readonly title: string;
  readonly testId: string;
  readonly close: () => void;
  readonly children: ComponentChildren;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // At once: a key that comes in between would still be the map's.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // Only closing gives the focus back; removing the element does not.
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={titleId}
      data-testid={props.testId}
      onClose={props.close}
      onClick={(event) => {
        // The backdrop counts as the dialog itself.
        if (event.target === event.currentTarget) event.currentTarget.close();
      }}
    >
      <div class="dialog-box">
        <header>
          <h2 id={titleId}>{props.title}</h2>
          <button type="button" aria-label="close" onClick={() => dialog.current?.close()}>
            ×
          </button>
        </header>
        {props.children}
      </div>
    </dialog>
  );
}
