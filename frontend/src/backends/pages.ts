/** Asks the server about one page. */
import { address } from "../lib/format";
import type { Moment } from "../state/moment";
import type { AskPage } from "../state/page";
import { askJson, hostUrl } from "./api";

/** Asks relative to this page, about the moment that is shown; errors say in words what was wrong. */
export function pageAsker(page: string, time: Pick<Moment, "atS">): AskPage {
  return ({ hostId, pid, address: va, part }, signal) => {
    const what = { pid, address: address(va) };
    const parameters = part === null ? what : { ...what, part };
    return askJson(hostUrl(page, hostId, "page", parameters, time.atS), signal);
  };
}
