/**
 * The parts of the page, each a chunk of its own by the name of its file in `parts/`; scripts/check-size.mjs holds
 * each to a bound. Calling one begins to load it: null until it is there.
 */
import type { Plotly } from "plotly.js-cartesian-dist-min";
import { patiently } from "../lib/patience";
import { lazy } from "./lazy";

export const overviewPart = lazy(() => import("./parts/overview"));
export const mapPart = lazy(() => import("./parts/map"));
export const reportPart = lazy(() => import("./parts/report"));
export const pagePart = lazy(() => import("./parts/page"));
export const chartsPart = lazy(() => import("./parts/charts"));
export const dialogsPart = lazy(() => import("./parts/dialogs"));
export const extentsPart = lazy(() => import("./parts/extents"));
export const exportPart = lazy(() => import("./parts/export"));

/** What the page was opened with: parts that come later tell by it whether the user asked for them since. */
export const FIRST_HASH = window.location.hash;

/** Plotly, loaded on first use; asked for again until it comes, for the server may be away just now. */
export async function loadPlotly(): Promise<Plotly> {
  return (await patiently(() => import("plotly.js-cartesian-dist-min"))).default;
}

/** What goes with plotly on a map. */
export function loadPlotPart(): Promise<typeof import("./parts/plot")> {
  return patiently(() => import("./parts/plot"));
}
