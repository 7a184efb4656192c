/** Where every page of a pool is: a bar, the numbers behind it, and who has them. */
import type { JSX } from "preact";
import {
  accountsBySize,
  barOf,
  barWords,
  BESIDE,
  countWords,
  isEmpty,
  PARTS,
  rowsOf,
  tornWords,
  type AccountRow,
} from "../lib/account";
import { bytes } from "../lib/format";
import { hostListings, poolListings } from "../lib/listings";
import { who } from "../lib/ref-words";
import type { HostReport, HostSummary, PoolAccount } from "../wire/types";
import { ListingFold } from "./listing";

interface ReportProps {
  readonly host: HostSummary;
  readonly report: HostReport;
}

const TOTAL: AccountRow = { key: "total", label: "total", of: (account) => account.total };

/** The accounts of all sizes, then what belongs to none. */
export function AccountPanel({ host, report }: ReportProps): JSX.Element | null {
  const listings = hostListings(report);
  if (report.accounts.length + listings.length === 0) return null;
  return (
    <>
      <h3>Where the pages are</h3>
      <div class="accounts">
        {accountsBySize(report.accounts).map((accounts) => (
          <SizeAccount
            key={accounts[0]?.page_size}
            accounts={accounts}
            host={host}
            report={report}
          />
        ))}
        {listings.length > 0 && (
          <section aria-label="beyond the pools">
            {listings.map((listing) => (
              <ListingFold key={listing.title} listing={listing} host={host} />
            ))}
          </section>
        )}
      </div>
    </>
  );
}

function SizeAccount(
  props: ReportProps & { readonly accounts: readonly PoolAccount[] },
): JSX.Element {
  const { accounts, host, report } = props;
  const [whole] = accounts;
  const size = bytes(whole?.page_size ?? 0);
  const names = (pid: number): string =>
    who({ pid, comm: host.processes.find((process) => process.pid === pid)?.comm ?? null });
  const captured = host.source.kind !== "live";
  const torn = accounts.flatMap((account) => tornWords(account, captured) ?? []);
  const listings = whole ? poolListings(report, whole, names) : [];
  if (isEmpty(accounts) && listings.length === 0) {
    return (
      <p class="muted empty-pool" data-testid="account" data-size={whole?.page_size}>
        {size} pages: the pool is empty.
      </p>
    );
  }
  return (
    <section aria-label={`${size} pages`} data-testid="account" data-size={whole?.page_size}>
      {accounts.map((account) => (
        <AccountBar key={account.node} account={account} size={size} />
      ))}
      {torn[0] !== undefined && (
        <p class="note note-late" data-testid="torn">
          {torn[0]}
        </p>
      )}
      {whole?.notes.map((note) => (
        <p key={note} class="note">
          {note}.
        </p>
      ))}
      <div class="table-box">
        <table>
          <thead>
            <tr>
              <th scope="col">{size} pages</th>
              {accounts.map((account) => (
                <th key={account.node} scope="col" class="number">
                  {nodeWords(account)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {[TOTAL, ...rowsOf([...PARTS, ...BESIDE], accounts)].map((row) => (
              <NumberRow key={row.key} row={row} accounts={accounts} />
            ))}
          </tbody>
        </table>
      </div>
      {listings.map((listing) => (
        <ListingFold key={listing.title} listing={listing} host={host} />
      ))}
    </section>
  );
}

function AccountBar(props: { readonly account: PoolAccount; readonly size: string }): JSX.Element {
  const { account, size } = props;
  return (
    <p class="account-bar">
      <span>{account.node === null ? size : nodeWords(account)}</span>
      <span class="bar" role="img" aria-label={barWords(account)} title={barWords(account)}>
        {barOf(account).map(({ key, share }) => (
          <span key={key} class={`part-${key}`} style={{ width: `${share}%` }} />
        ))}
      </span>
    </p>
  );
}

function nodeWords({ node }: PoolAccount): string {
  return node === null ? "all" : `node ${node}`;
}

function NumberRow(props: {
  readonly row: AccountRow;
  readonly accounts: readonly PoolAccount[];
}): JSX.Element {
  const { key, label, of } = props.row;
  return (
    <tr data-part={key}>
      <th scope="row">
        {PARTS.includes(props.row) && <span class={`swatch part-${key}`} aria-hidden="true" />}{" "}
        {label}
      </th>
      {props.accounts.map((account) => {
        return (
          <td key={account.node} class={of(account) ? "number" : "number muted"}>
            {countWords(props.row, account)}
          </td>
        );
      })}
    </tr>
  );
}
