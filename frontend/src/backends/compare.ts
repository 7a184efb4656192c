/** Asks the server to compare. */
import { placesOf, type CellPlaces } from "../lib/compare";
import type { Ask } from "../state/inquiry";
import type { Comparison } from "../wire/types";
import { askJson } from "./api";

/** Both sides, as texts that say their moments, or mean the present. */
export interface CompareQuery {
  readonly a: string;
  readonly b: string;
}

/** What was answered. */
export interface Compared {
  readonly comparison: Comparison;
  /** Of two mappings; null: of hosts, or too many cells to draw. */
  readonly places: CellPlaces | null;
}

/** One question. */
export const askCompared: Ask<CompareQuery, Compared> = async (query, signal) => {
  const comparison = await askJson<Comparison>(urlOf("compare", query), signal);
  const { cells } = comparison;
  return { comparison, places: cells && placesOf(cells, await unpacked(cells.columns)) };
};

/** Where all runs are, as a table to keep. */
export function compareCsvUrl(query: CompareQuery): string {
  return urlOf("compare.csv", query).href;
}

function urlOf(what: string, { a, b }: CompareQuery): URL {
  const url = new URL(`api/v1/${what}`, document.baseURI);
  url.search = new URLSearchParams({ a, b }).toString();
  return url;
}

async function unpacked(text: string): Promise<Uint8Array> {
  const packed = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
