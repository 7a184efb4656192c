/** The screen of a live migration: both ends page by page. */
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { arrivalsAsker } from "../backends/arrivals";
import { bytes, integer } from "../lib/format";
import { Migrating } from "../state/migration";
import { parseMigration, type MigrationAddress } from "../state/migration-route";
import { gapWords, PHASE_WORDS, pairedWords, phaseTone, SIDES } from "../state/migration-words";
import type { MigrationRoute } from "../state/route";
import type { Store } from "../state/store";
import type { Limit, MigrationEnd, MigrationState } from "../wire/types";
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
export function MigrationScreen({ store, route }: ScreenProps): JSX.Element | null {
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
  if (asked !== null && one && received !== null) {
    return <MigrationView {...{ store, migrating, asked }} state={received.state} />;
  }
  const part = overviewPart();
  const { value: missing } = migrating.missing;
  return part && <part.MigrationLobby {...{ store, missing }} named={asked && one} />;
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
  const ends = SIDES.map((side) => summary[side]).filter((end) => end !== null);
  const hosts = new Map(ends.map((end) => [end.host_id, end.host_source]));
  const made = [...hosts.values()].find(({ kind }) => kind !== "live")?.kind ?? null;
  const panels = panelsPart();
  const limits = limitsOf(store, summary.destination);
  return (
    <section
      class="map mig"
      aria-label="migration"
      data-testid="migration"
      data-id={summary.id}
      data-phase={summary.phase}
    >
      {[...hosts].map(([id, source]) => (
        <SourceBanner key={id} source={source} past={store.time.past.value} />
      ))}
      {ends.some((end) => end.simulated) && (
        <p class="source-banner" role="note" data-testid="simulated">
          <strong>SIMULATED</strong>: HugeScope’s own processes stand in for a virtual machine;
          pages and faults are real
        </p>
      )}
      <h1>
        <span>{summary.name ?? `migration ${summary.id}`}</span>
        <span class={`tag tone-${phaseTone(summary.phase)}`} aria-live="polite" data-testid="phase">
          {PHASE_WORDS[summary.phase]}
        </span>
        <span class="muted mig-about" data-testid="paired-by">
          {integer(summary.pages)} pages of {bytes(summary.page_size)},{" "}
          {bytes(summary.pages * summary.page_size)} · paired by {pairedWords(summary.paired_by)}
        </span>
      </h1>
      <Notices {...props} />
      <MigrationPhases {...{ migrating, state, nowMs }} />
      <MigrationPanes {...props} limits={limits} />
      <p class="keys" id="map-keys">
        Arrow keys move over the pages, Enter selects, Esc clears; + − 0 and w a s d zoom and move
        both maps; 1 and 2 choose the colours.
      </p>
      {panels && <panels.MigrationPanels {...{ migrating, state, nowMs, source: made, limits }} />}
    </section>
  );
}

/** What is not as it should be: the link, one of the ends, or the log. */
function Notices({ store, migrating, state }: ViewProps): JSX.Element {
  const gap = gapWords(migrating.read, migrating.trouble.value);
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
      {gap !== null && (
        <p class="notice notice-late" role="status" data-testid="log-gap">
          {gap}
        </p>
      )}
    </>
  );
}

/** What the host of an end does not show. */
function limitsOf(store: Store, end: MigrationEnd | null): readonly Limit[] {
  const hosts = store.received.value?.overview.hosts ?? [];
  return hosts.find((host) => host.host_id === end?.host_id)?.limits ?? [];
}
