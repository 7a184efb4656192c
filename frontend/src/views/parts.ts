/**
 * The parts of the page, each a chunk of its own by the name of its file in `parts/`; scripts/check-size.mjs holds
 * each to a bound. Calling one begins to load it: null until it is there. Parts that only a map needs are in
 * `map-parts.ts`, those that only its controls need in `control-parts.ts`: what a part shares with the only one that loads
 * it then needs no chunk of its own.
 */
import type { Plotly } from "plotly.js-cartesian-dist-min";
import { patiently } from "../backends/patience";
import { pictured } from "./first-picture";
import { lazy } from "./lazy";

export const overviewPart = lazy(() => import("./parts/overview"));
export const mapPart = lazy(() => import("./parts/map"));
export const migrationPart = lazy(() => import("./parts/migration"));
export const comparePart = lazy(() => import("./parts/compare"));
export const timelinePart = lazy(() => pictured.then(() => import("./parts/timeline")));
export const reportPart = lazy(() => import("./parts/report"));

/** Plotly, loaded on first use; asked for again until it comes, for the server may be away just now. */
export async function loadPlotly(): Promise<Plotly> {
  return (await patiently(() => import("./plotly-chunk"))).default;
}

/** A window into the page for tests and for people with the console open. */
export function loadDebugging(): Promise<typeof import("./parts/debug")> {
  return patiently(() => import("./parts/debug"));
}
