/** Long tables, a page at a time. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { integer } from "../lib/format";

/** A table of more rows costs more to update than it tells. */
const ROWS_A_PAGE = 40;

/** The rows of the page that is open, and what turns pages; another `key` opens the first one. */
export function usePages<T>(
  all: readonly T[],
  key: string,
  what: string,
): readonly [rows: readonly T[], pager: JSX.Element | null] {
  const [open, setOpen] = useState({ key, page: 0 });
  const last = Math.max(0, Math.ceil(all.length / ROWS_A_PAGE) - 1);
  const page = open.key === key ? Math.min(open.page, last) : 0;
  const from = page * ROWS_A_PAGE;
  const rows = all.slice(from, from + ROWS_A_PAGE);
  if (last === 0) return [rows, null];
  const button = (words: string, to: number): JSX.Element => (
    <button
      type="button"
      disabled={to < 0 || to > last}
      onClick={() => {
        setOpen({ key, page: to });
      }}
    >
      {words}
    </button>
  );
  return [
    rows,
    <p class="pager" data-testid="pager">
      {button("previous", page - 1)}
      <span>
        {what} {integer(from + 1)}–{integer(from + rows.length)} of {integer(all.length)}
      </span>
      {button("next", page + 1)}
    </p>,
  ];
}
