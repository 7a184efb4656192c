/** What only acts and explains is loaded once there is something to act on. */

let announce: () => void;

/** Resolved once the first picture is drawn, or there is nothing more to wait for. */
export const pictured = new Promise<void>((resolve) => {
  announce = resolve;
});

/** The rest may be loaded now, and no more stands in its way. */
export function firstPictureDrawn(): void {
  announce();
}
