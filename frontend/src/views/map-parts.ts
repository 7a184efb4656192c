/** Parts of the page that only a map needs; see `parts.ts`. */
import { patiently } from "../backends/patience";
import { firstPictureDrawn, pictured } from "./first-picture";
import { lazy } from "./lazy";

/** The longest that the rest waits for the first picture, which may never come. */
const PATIENCE_MS = 400;

window.setTimeout(firstPictureDrawn, PATIENCE_MS);

export const controlsPart = lazy(() => pictured.then(() => import("./parts/controls")));

/** What shows levels other than single cells. */
export function loadLevels(): Promise<typeof import("./parts/levels")> {
  return patiently(() => import("./parts/levels"));
}

/** What goes with plotly on a map. */
export function loadPlotPart(): Promise<typeof import("./parts/plot")> {
  return patiently(() => import("./parts/plot"));
}
