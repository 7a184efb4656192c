/** Parts of the page that only a map needs; see `parts.ts`. */
import { patiently } from "../lib/patience";
import { lazy } from "./lazy";

export const controlsPart = lazy(() => import("./parts/controls"));

/** What shows levels other than single cells. */
export function loadLevels(): Promise<typeof import("./parts/levels")> {
  return patiently(() => import("./parts/levels"));
}

/** What goes with plotly on a map. */
export function loadPlotPart(): Promise<typeof import("./parts/plot")> {
  return patiently(() => import("./parts/plot"));
}
