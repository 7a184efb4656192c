/** The page behind the selected cell: asked for when it is selected, and again when its cell changes. */
import type { PageDetail } from "../wire/types";
import { Inquiry, type Ask, type Answered } from "./inquiry";

export interface PageQuery {
  readonly hostId: string;
  readonly pid: number;
  readonly address: number;
  /** A chunk of a 1 GiB page to look into. */
  readonly part: number | null;
}

export type AskPage = Ask<PageQuery, PageDetail>;
export type PageAnswer = Answered<PageQuery, PageDetail>;

/** What is asked about pages. */
export class PageInquiry extends Inquiry<PageQuery, PageDetail> {
  constructor() {
    super(same);
  }
}

function same(a: PageQuery, b: PageQuery): boolean {
  return a.hostId === b.hostId && a.pid === b.pid && a.address === b.address && a.part === b.part;
}
