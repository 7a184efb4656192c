/** All hosts. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { bytes, integer, percent } from "../lib/format";
import { hostName } from "../lib/host-name";
import {
  found,
  foundHosts,
  mappingsOf,
  parseSorting,
  queryWithin,
  sortedHosts,
  sumsOf,
} from "../lib/process-lines";
import { hostHash, type OverviewRoute } from "../state/route";
import { followedOf } from "../state/follow";
import type { Store } from "../state/store";
import type { HostSummary } from "../wire/types";
import { firstPictureDrawn } from "./first-picture";
import { HostSection, LinkBadge } from "./host-section";
import { MigrationList } from "./migration-list";
import { usePages } from "./pager";
import { SearchBox } from "./search-box";
import { SortHead } from "./sort-head";

/** Up to this many hosts are shown in full on one page; more become a table. */
const IN_FULL = 3;

/** The first screen: hosts, pools, processes; of one host when the address names one. */
export function OverviewScreen(props: {
  readonly store: Store;
  readonly hostId: string | null;
}): JSX.Element {
  const { store, hostId } = props;
  useHiddenPage(store);
  useEffect(firstPictureDrawn, []);
  const received = store.received.value;
  if (received === null) {
    return (
      <p class="hint" data-testid="waiting">
        Waiting for the server.
      </p>
    );
  }
  const { hosts } = received.overview;
  const nowMs = store.time.agedMs(received.receivedAtMs, store.nowMs.value);
  const shown = hostId === null ? hosts : hosts.filter((host) => host.host_id === hostId);
  if (hosts.length === 0) return <NoHosts />;
  if (shown.length === 0) {
    return (
      <p class="hint" data-testid="unknown-host">
        The server knows no host “{hostId}”. <a href={hostHash(null)}>All hosts</a>
      </p>
    );
  }
  const now = store.route.value;
  const route: OverviewRoute =
    now.screen === "overview" ? now : { screen: "overview", hostId, q: "", sort: "" };
  const played = store.time.atS !== null;
  const times = { receivedAtMs: received.receivedAtMs, nowMs, played };
  if (shown.length > IN_FULL) {
    return (
      <>
        <MigrationList store={store} />
        <HostTable {...times} hosts={shown} route={route} />
        <LogOut />
      </>
    );
  }
  return (
    <>
      <MigrationList store={store} />
      <SearchBox route={route} found={mappingsFound(shown, route.q)} />
      {shown.map((host) => (
        <HostSection
          {...times}
          key={host.host_id}
          host={host}
          report={store.reportOf(host)}
          route={route}
          followed={followedOf(store)}
          past={store.time.past.value}
        />
      ))}
      <LogOut />
    </>
  );
}

/** The login page ends the session, which this page's scripts cannot see. */
function LogOut(): JSX.Element {
  return (
    <p class="muted">
      <a href="login#out">Log out</a>
    </p>
  );
}

/** A page that nobody sees follows nothing. */
function useHiddenPage(store: Store): void {
  useEffect(() => {
    const tell = (): void => {
      followedOf(store).onHidden(document.hidden);
    };
    tell();
    document.addEventListener("visibilitychange", tell);
    return () => {
      document.removeEventListener("visibilitychange", tell);
    };
  }, [store]);
}

/** How many of how many mappings are shown. */
function mappingsFound(hosts: readonly HostSummary[], query: string): string {
  const all = hosts.flatMap(mappingsOf).length;
  const matching = hosts.flatMap((host) => found(host.processes, query));
  const shown = matching.flatMap((process) => process.mappings).length;
  const mappings = all === 1 ? "1 mapping" : `${integer(all)} mappings`;
  return query === "" ? mappings : `${integer(shown)} of ${mappings}`;
}

function NoHosts(): JSX.Element {
  const server = new URL(".", document.baseURI).href.replace(/^http/, "ws").replace(/\/$/, "");
  return (
    <section class="hint" data-testid="no-hosts">
      <h2>No host yet</h2>
      <p>The server runs, but no agent has connected to it. On the host to watch, as root:</p>
      <pre>hugescope agent --server {server} --host-id HOST --token-file FILE</pre>
      <p>with a file that holds what this prints on the server’s machine:</p>
      <pre>hugescope token create --role agent --host-id HOST</pre>
      <p>Or stop this server and run server and agent of this machine in one:</p>
      <pre>hugescope up</pre>
      <p class="muted">This page shows the host as soon as its agent connects.</p>
    </section>
  );
}

interface HostTableProps {
  readonly hosts: readonly HostSummary[];
  readonly route: OverviewRoute;
  readonly receivedAtMs: number;
  readonly nowMs: number;
  readonly played: boolean;
}

function HostTable(props: HostTableProps): JSX.Element {
  const { hosts, route } = props;
  const matching = sortedHosts(foundHosts(hosts, route.q), parseSorting(route.sort));
  const [rows, pager] = usePages(matching, `${route.q} ${route.sort}`, "hosts");
  const all = `${integer(hosts.length)} hosts`;
  return (
    <>
      <SearchBox
        route={route}
        found={route.q === "" ? all : `${integer(matching.length)} of ${all}`}
      />
      <section class="host" aria-label="hosts">
        <h2>{all}</h2>
        <div class="table-box">
          <table class="hosts" data-testid="hosts">
            <thead>
              <tr>
                <SortHead route={route} by="name" label="host" />
                <th scope="col">link</th>
                <th scope="col" class="host-more">
                  kernel
                </th>
                <SortHead route={route} by="processes" label="processes" class="host-more number" />
                <SortHead route={route} by="size" label="size" class="number" />
                <SortHead route={route} by="present" label="present" class="number" />
                <SortHead route={route} by="share" label="share" class="number" />
              </tr>
            </thead>
            <tbody>
              {rows.map((host) => (
                <HostRow {...props} key={host.host_id} host={host} />
              ))}
            </tbody>
          </table>
          {rows.length === 0 && <p class="muted">No host matches “{route.q}”.</p>}
          {pager}
        </div>
      </section>
    </>
  );
}

function HostRow(props: HostTableProps & { readonly host: HostSummary }): JSX.Element {
  const { host, route } = props;
  const { size, present } = sumsOf(mappingsOf(host));
  const within = queryWithin(host, route.q);
  return (
    <tr data-testid="host" data-host={host.host_id}>
      <th scope="row">
        <a href={hostHash(host.host_id, { ...route, q: within })}>{hostName(host)}</a>{" "}
        {host.source.kind !== "live" && <span class="tag tag-late">{host.source.kind}</span>}
      </th>
      <td>
        <LinkBadge {...props} />
      </td>
      <td class="host-more mono muted">{host.host.kernel ?? "unknown"}</td>
      <td class="host-more number">{integer(host.processes.length)}</td>
      <td class="number">{bytes(size)}</td>
      <td class="number">{bytes(present)}</td>
      <td class="number muted">{percent(present, size)}</td>
    </tr>
  );
}
