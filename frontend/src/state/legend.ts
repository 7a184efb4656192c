/** The legend of a picture. */
import { legendOf, stateLegend, type LegendEntry } from "../lib/legend";
import type { Paints } from "../lib/palette";
import type { Picture } from "./picture";

/** What one count of the legend counts. */
export function legendUnit({ level, items, mode }: Picture): "cells" | "groups" | "parts" {
  if (level.kind === "parts") return "parts";
  return items?.kind === "groups" && mode !== "state" ? "groups" : "cells";
}

/** Classes that occur, with live counts of `legendUnit`. */
export function legendLines(
  { painted, items, mode, level }: Picture,
  paints: Paints,
): LegendEntry[] {
  if (painted === null || items === null) return [];
  if (mode !== "state" || level.kind === "parts") return legendOf(paints, painted.counts);
  const flags = items.kind === "groups" ? items : null;
  return stateLegend(paints, painted.counts, items.stateCounts, flags);
}
