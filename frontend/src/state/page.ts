/** The page behind the selected cell: asked for when it is selected, and again when its cell changes. */
import type { PageDetail } from "../wire/types";
import type { Picture } from "./picture";
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

/** About the page that a picture looks into. */
export function partsQuery(
  { info, address: { hostId, pid } }: Picture,
  { cell, part }: NonNullable<Picture["page"]>,
): PageQuery {
  const address = (Math.floor(info.start / info.page_size) + cell) * info.page_size;
  return { hostId, pid, address: Math.max(info.start, address), part };
}

function same(a: PageQuery, b: PageQuery): boolean {
  return a.hostId === b.hostId && a.pid === b.pid && a.address === b.address && a.part === b.part;
}
