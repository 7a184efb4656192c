/** Parts of the page that only the controls of a map open; see `parts.ts`. */
import { lazy } from "./lazy";

export const pagePart = lazy(() => import("./parts/page"));
export const dialogsPart = lazy(() => import("./parts/dialogs"));
export const extentsPart = lazy(() => import("./parts/extents"));
export const exportPart = lazy(() => import("./parts/export"));
