/** The screen of a live migration: both ends page by page. */
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { arrivalsAsker } from "../backends/arrivals";
import { bytes, integer } from "../lib/format";
import { Migrating } from "../state/migration";
import { parseMigration, type MigrationAddress } from "../state/migration-route";
import { missingWords, PHASE_WORDS, pairedWords, phaseTone, SIDES } from "../state/migration-words";
import type { MigrationRoute } from "../state/route";
import type { Store } from "../state/store";
import type { HostSummary, MigrationState } from "../wire/types";
import { lazy } from "./lazy";
import { MigrationPanes } from "./migration-panes";
import { MigrationPhases } from "./migration-phases";
import { overviewPart } from "./parts";
import { SourceBanner } from "./source-banner";

const panelsPart = lazy(() => import("./parts/numbers"));

interface ScreenProps {
  readonly store: Store;
  readonly route: MigrationRoute;
}

/** The migration that the route names, or all of them. */
export function MigrationScreen({ store, route }: ScreenProps): JSX.Element {
  const asked = parseMigration(route);
  const [migrating] = useState(() => new Migrating(store, arrivalsAsker(document.baseURI)));
  const one = asked !== null && (asked.id !== null || asked.pair !== null);
  useLayoutEffect(() => {
    migrating.want(one ? { id: asked.id, pair: asked.pair } : null);
  });
  useEffect(
    () => () => {
      migrating.destroy();
    },
    [migrating],
  );
  const received = migrating.received.value;
  const missing = migrating.missing.value;
  const list = store.migrations.value.length > 0 && received === null ? overviewPart() : null;
  if (one && received !== null) {
    return <MigrationView {...{ store, migrating, asked }} state={received.state} />;
  }
  return (
    <section class="map mig" aria-label="migrations">
      <h1 class={store.migrations.value.length > 0 ? "unseen" : ""}>Migrations</h1>
      {asked === null && (
        <p class="hint" data-testid="unknown-route">
          There is no migration at <span class="mono">#{route.path}</span>.
        </p>
      )}
      {one && missing === null && (
        <p class="hint" data-testid="waiting">
          {store.connection.value.phase === "live"
            ? "Waiting for the migration."
            : "Waiting for the server."}
        </p>
      )}
      {missing && (
        <div
          class="notice notice-late"
          role="status"
          data-testid="missing"
          data-code={missing.code}
        >
          <b>{missingWords(missing)[0]}.</b> {missingWords(missing)[1]} {missing.message}
        </div>
      )}
      {list && <list.MigrationList store={store} />}
      {(!one || missing !== null) && <WhatToType none={store.migrations.value.length === 0} />}
    </section>
  );
}

/** What makes a migration that can be seen. */
function WhatToType({ none }: { readonly none: boolean }): JSX.Element {
  const page = new URL("#/migration?pair=HOST:PID,HOST:PID", document.baseURI).href;
  const server = new URL(".", document.baseURI).href.replace(/^http/, "ws").replace(/\/$/, "");
  return (
    <div class="hint" data-testid="what-to-type">
      {none && <h2>No migration is seen</h2>}
      <p>One that makes itself, with pages of this machine:</p>
      <pre>hugescope demo</pre>
      <p>
        One of your own: an agent on both hosts, as root. Two ends of one VM are found by
        themselves.
      </p>
      <pre>hugescope agent --server {server}</pre>
      <p>Where they are not: name both processes in the address, the source first.</p>
      <pre>{page}</pre>
    </div>
  );
}

interface ViewProps {
  readonly store: Store;
  readonly migrating: Migrating;
  readonly asked: MigrationAddress;
  readonly state: MigrationState;
}

/** Everything about one. */
function MigrationView(props: ViewProps): JSX.Element {
  const { store, migrating, state } = props;
  const { summary } = state;
  const nowMs = store.nowMs.value;
  const hosts = hostsOf(store, state);
  const panels = panelsPart();
  const made = hosts.find(({ source }) => source.kind !== "live")?.source.kind ?? null;
  return (
    <section
      class="map mig"
      aria-label="migration"
      data-testid="migration"
      data-id={summary.id}
      data-phase={summary.phase}
    >
      {hosts.map((host) => (
        <SourceBanner key={host.host_id} source={host.source} />
      ))}
      {isSimulated(hosts, state) && (
        <p class="source-banner" role="note" data-testid="simulated">
          <strong>SIMULATED</strong>: HugeScope’s own processes stand in for a virtual machine;
          pages and faults are real
        </p>
      )}
      <h1>
        <span>{summary.name ?? `migration ${summary.id}`}</span>
        <span class={`tag tone-${phaseTone(summary.phase)}`} data-testid="phase">
          {PHASE_WORDS[summary.phase]}
        </span>
        <span class="muted mig-about" data-testid="paired-by">
          {integer(summary.pages)} pages of {bytes(summary.page_size)},{" "}
          {bytes(summary.pages * summary.page_size)} · paired by {pairedWords(summary.paired_by)}
        </span>
      </h1>
      <Notices {...props} />
      <MigrationPhases {...{ migrating, state, nowMs }} />
      <MigrationPanes {...props} />
      <p class="keys" id="map-keys">
        Arrow keys move over the pages, Enter selects, Esc clears; + − 0 and w a s d zoom and move
        both maps; 1 and 2 choose the colours.
      </p>
      {panels && <panels.MigrationPanels {...{ migrating, state, nowMs, source: made }} />}
    </section>
  );
}

/** What is not as it should be: the link, or one of the ends. */
function Notices({ store, state }: ViewProps): JSX.Element {
  const away = store.connection.value.phase !== "live";
  const gone = SIDES.filter((side) => state.summary[side]?.gone);
  return (
    <>
      {away && (
        <p class="notice notice-gone" role="status" data-testid="notice">
          The server is away: what is shown is the last that was seen.
        </p>
      )}
      {gone.length > 0 && (
        <p
          class={`notice notice-${state.summary.phase === "done" ? "good" : "late"}`}
          role="status"
          data-testid="end-gone"
        >
          The {gone.join(" and the ")} {gone.length > 1 ? "are" : "is"} gone: the process ended, or
          its agent is away. What is shown of it is the last that was seen.
        </p>
      )}
    </>
  );
}

/** The hosts of both ends, each once. */
function hostsOf(store: Store, { summary }: MigrationState): HostSummary[] {
  const ids = SIDES.map((side) => summary[side]?.host_id);
  return (store.received.value?.overview.hosts ?? []).filter((host) => ids.includes(host.host_id));
}

function isSimulated(hosts: readonly HostSummary[], { summary }: MigrationState): boolean {
  return SIDES.some((side) => {
    const end = summary[side];
    const host = hosts.find((one) => one.host_id === end?.host_id);
    return host?.processes.find((one) => one.pid === end?.pid)?.vm?.simulated === true;
  });
}
