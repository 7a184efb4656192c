/** Asks the server about one page. */
import { address } from "../lib/format";
import type { AskPage } from "../state/page";
import { askJson, hostUrl } from "./api";

/** Asks relative to this page; errors say in words what was wrong. */
export function pageAsker(page: string): AskPage {
  return ({ hostId, pid, address: va, part }, signal) => {
    const what = { pid, address: address(va) };
    return askJson(hostUrl(page, hostId, "page", part === null ? what : { ...what, part }), signal);
  };
}
