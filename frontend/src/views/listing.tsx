/** Tables of a host's report, closed until asked for. */
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { integer } from "../lib/format";
import type { Cell, Listing } from "../lib/listings";
import { placeHash, type Place } from "../state/places";
import type { HostSummary } from "../wire/types";

/** More rows cost more than they tell. */
const ROWS_AT_ONCE = 40;

/** The first of all, and a button for more of them. */
export function useMore<T>(
  all: readonly T[],
): readonly [shown: readonly T[], more: JSX.Element | null] {
  const [most, setMost] = useState(ROWS_AT_ONCE);
  const left = all.length - most;
  if (left <= 0) return [all, null];
  return [
    all.slice(0, most),
    <button
      key="more"
      type="button"
      onClick={() => {
        setMost(most + ROWS_AT_ONCE);
      }}
    >
      show more ({integer(left)} left)
    </button>,
  ];
}

/** A line that opens; what is inside is made only then. */
export function Fold(props: {
  readonly line: ComponentChildren;
  readonly testId: string;
  readonly children: () => ComponentChildren;
}): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <details
      data-testid={props.testId}
      onToggle={(event) => {
        setOpen(event.currentTarget.open);
      }}
    >
      <summary>{props.line}</summary>
      {open && props.children()}
    </details>
  );
}

/** Leads to a place, or says that this host has no such mapping now. */
export function PlaceLink(props: {
  readonly host: HostSummary;
  readonly place: Place;
  readonly children: ComponentChildren;
}): JSX.Element {
  const hash = placeHash(props.host, props.place);
  if (hash !== null) {
    return (
      <a href={hash} data-testid="place">
        {props.children}
      </a>
    );
  }
  return (
    <>
      {props.children} <span class="muted">(not among this host’s mappings now)</span>
    </>
  );
}

/** Whether this is a count or a size: columns that hold one stand to the right. */
function isNumber(cell: Cell | undefined): boolean {
  return typeof cell === "number" || (typeof cell === "string" && /^\d[\d,.]*( |$)/.test(cell));
}

function CellWords(props: { readonly cell: Cell; readonly host: HostSummary }): JSX.Element {
  const { cell, host } = props;
  if (cell === null) return <span class="unknown">unknown</span>;
  if (typeof cell === "number") return <>{integer(cell)}</>;
  if (typeof cell === "string") return <>{cell}</>;
  return (
    <PlaceLink host={host} place={cell.place}>
      {cell.text}
    </PlaceLink>
  );
}

/** One list of a report. */
export function ListingFold(props: {
  readonly listing: Listing;
  readonly host: HostSummary;
}): JSX.Element {
  const { listing, host } = props;
  const line = (
    <>
      {listing.title} <span class="muted">{listing.sum}</span>
    </>
  );
  return (
    <Fold line={line} testId="listing">
      {() => <ListingTable listing={listing} host={host} />}
    </Fold>
  );
}

function ListingTable(props: {
  readonly listing: Listing;
  readonly host: HostSummary;
}): JSX.Element {
  const { head, rows } = props.listing;
  const [shown, more] = useMore(rows);
  const classes = head.map((_, at) => (shown.some((row) => isNumber(row[at])) ? "number" : ""));
  return (
    <div class="table-box">
      <table>
        <thead>
          <tr>
            {head.map((name, at) => (
              <th key={at} scope="col" class={classes[at]}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row, at) => (
            <tr key={at}>
              {row.map((cell, column) => (
                <td key={column} class={classes[column]}>
                  <CellWords cell={cell} host={props.host} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {more}
    </div>
  );
}
