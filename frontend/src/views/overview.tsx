/** All hosts. */
import type { JSX } from "preact";
import { integer } from "../lib/format";
import { hostHash } from "../state/route";
import type { Store } from "../state/store";
import type { HostSummary } from "../wire/types";
import { hostName, HostSection, LinkBadge } from "./host-section";

/** Up to this many hosts are shown in full on one page; more become a table. */
const IN_FULL = 3;
const MOST_ROWS = 40;

/** The first screen: hosts, pools, processes; of one host when the address names one. */
export function OverviewScreen(props: {
  readonly store: Store;
  readonly hostId: string | null;
}): JSX.Element {
  const { store, hostId } = props;
  const received = store.received.value;
  if (received === null) {
    return (
      <p class="hint" data-testid="waiting">
        Waiting for the server.
      </p>
    );
  }
  const { hosts } = received.overview;
  const nowMs = store.nowMs.value;
  const shown = hostId === null ? hosts : hosts.filter((host) => host.host_id === hostId);
  if (hosts.length === 0) return <NoHosts />;
  if (shown.length === 0) {
    return (
      <p class="hint" data-testid="unknown-host">
        The server knows no host “{hostId}”. <a href={hostHash(null)}>All hosts</a>
      </p>
    );
  }
  if (shown.length > IN_FULL) {
    return <HostTable hosts={shown} receivedAtMs={received.receivedAtMs} nowMs={nowMs} />;
  }
  return (
    <>
      {shown.map((host) => (
        <HostSection
          key={host.host_id}
          host={host}
          report={store.reportOf(host)}
          receivedAtMs={received.receivedAtMs}
          nowMs={nowMs}
        />
      ))}
    </>
  );
}

function NoHosts(): JSX.Element {
  const server = new URL(".", document.baseURI).href.replace(/\/$/, "");
  return (
    <section class="hint" data-testid="no-hosts">
      <h2>No host yet</h2>
      <p>The server runs, but no agent has connected to it. On the host to watch, as root:</p>
      <pre>hugescope agent --server {server}</pre>
      <p>Or stop this server and run server and agent of this machine in one:</p>
      <pre>hugescope up</pre>
      <p class="muted">This page shows the host as soon as its agent connects.</p>
    </section>
  );
}

function HostTable(props: {
  readonly hosts: readonly HostSummary[];
  readonly receivedAtMs: number;
  readonly nowMs: number;
}): JSX.Element {
  const rows = props.hosts.slice(0, MOST_ROWS);
  return (
    <section class="host" aria-label="hosts">
      <h2>{integer(props.hosts.length)} hosts</h2>
      <div class="table-box">
        <table data-testid="hosts">
          <thead>
            <tr>
              <th scope="col">host</th>
              <th scope="col">link</th>
              <th scope="col">kernel</th>
              <th scope="col" class="number">
                processes
              </th>
              <th scope="col" class="number">
                cells
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((host) => (
              <tr key={host.host_id} data-testid="host" data-host={host.host_id}>
                <th scope="row">
                  <a href={hostHash(host.host_id)}>{hostName(host)}</a>{" "}
                  {host.source.kind !== "live" && (
                    <span class="tag tag-late">{host.source.kind}</span>
                  )}
                </th>
                <td>
                  <LinkBadge host={host} receivedAtMs={props.receivedAtMs} nowMs={props.nowMs} />
                </td>
                <td class="mono muted">{host.host.kernel ?? "unknown"}</td>
                <td class="number">{integer(host.processes.length)}</td>
                <td class="number">{integer(cellsOf(host))}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {props.hosts.length > MOST_ROWS && (
          <p class="note">The first {MOST_ROWS} are shown; open others by their address.</p>
        )}
      </div>
    </section>
  );
}

function cellsOf(host: HostSummary): number {
  const mappings = host.processes.flatMap((process) => process.mappings);
  return mappings.reduce((sum, mapping) => sum + mapping.cell_count, 0);
}
