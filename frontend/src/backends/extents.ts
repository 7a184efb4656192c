/** Asks the server for extents. */
import { extentParameters, type ExtentQuery } from "../lib/extents";
import type { Ask } from "../state/inquiry";
import type { Moment } from "../state/moment";
import type { ExtentPage } from "../wire/types";
import { askJson, hostUrl } from "./api";

/** Asks for one page of them, at the moment that is shown. */
export function extentsAsker(time: Pick<Moment, "atS">): Ask<ExtentQuery, ExtentPage> {
  return (query, signal) => askJson(urlOf(query, "extents", time), signal);
}

/** Where all of them are, as a table to keep. */
export function extentsCsvUrl(query: ExtentQuery, time: Pick<Moment, "atS">): string {
  const url = urlOf(query, "extents.csv", time);
  for (const paging of ["offset", "limit"]) url.searchParams.delete(paging);
  return url.href;
}

function urlOf(query: ExtentQuery, what: string, { atS }: Pick<Moment, "atS">): URL {
  return hostUrl(document.baseURI, query.hostId, what, extentParameters(query), atS);
}
