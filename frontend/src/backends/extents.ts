/** Asks the server for extents. */
import { extentParameters, type ExtentQuery } from "../lib/extents";
import type { ExtentPage } from "../wire/types";
import { askJson, hostUrl } from "./api";

/** One page of them. */
export function askExtents(query: ExtentQuery, signal: AbortSignal): Promise<ExtentPage> {
  const parameters = extentParameters(query);
  return askJson(hostUrl(document.baseURI, query.hostId, "extents", parameters), signal);
}

/** Where all of them are, as a table to keep. */
export function extentsCsvUrl(query: ExtentQuery): string {
  const url = hostUrl(document.baseURI, query.hostId, "extents.csv", extentParameters(query));
  for (const paging of ["offset", "limit"]) url.searchParams.delete(paging);
  return url.href;
}
