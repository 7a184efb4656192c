/** Asks the server about one page. */
import { address } from "../lib/format";
import type { AskPage } from "../state/page";
import type { PageDetail } from "../wire/types";

/** Asks relative to this page; errors say in words what was wrong. */
export function pageAsker(page: string): AskPage {
  return async (query, signal) => {
    const url = new URL(`api/v1/hosts/${encodeURIComponent(query.hostId)}/page`, page);
    url.hash = "";
    url.searchParams.set("pid", String(query.pid));
    url.searchParams.set("address", address(query.address));
    if (query.part !== null) url.searchParams.set("part", String(query.part));
    const answer = await fetch(url, { signal }).catch(() => null);
    if (answer === null) throw new Error("The server does not answer.");
    const body = (await answer.json().catch(() => null)) as unknown;
    if (answer.ok && body !== null) return body as PageDetail;
    const said = (body as { readonly message?: unknown } | null)?.message;
    throw new Error(
      typeof said === "string" ? said : `The server answered with status ${answer.status}.`,
    );
  };
}
