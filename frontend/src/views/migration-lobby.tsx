/** Where no migration is on screen: which ones there are, why the one that was asked for is not, and what to type. */
import type { JSX } from "preact";
import { missingWords } from "../state/migration-missing";
import type { Store } from "../state/store";
import type { MigrationMissing, TimeState } from "../wire/types";
import { MigrationList } from "./migration-list";

/** `named`: whether the address names a migration; null: it means nothing. */
export function MigrationLobby(props: {
  readonly store: Store;
  readonly named: boolean | null;
  readonly missing: MigrationMissing | null;
}): JSX.Element {
  const { store, named, missing } = props;
  const live = store.connection.value.phase === "live";
  const none = store.migrations.value.length === 0;
  return (
    <section class="map mig" aria-label="migrations">
      <h1 class={none ? "" : "unseen"}>Migrations</h1>
      {named === null && (
        <p class="hint" data-testid="unknown-route">
          <span class="mono">{store.hash}</span> names no migration, and no two processes.
        </p>
      )}
      {(!live || (named === true && missing === null)) && (
        <p class="hint" data-testid="waiting">
          Waiting for the {live ? "migration" : "server"}.
        </p>
      )}
      {missing && (
        <div
          class="notice notice-late"
          role="status"
          data-testid="missing"
          data-code={missing.code}
        >
          <b>{missingWords(missing)[0]}.</b> {missingWords(missing)[1]} ({missing.message})
        </div>
      )}
      <MigrationList store={store} />
      {(named !== true || missing !== null) && (
        <WhatToType none={live && none} time={store.time.state.value} />
      )}
    </section>
  );
}

/** What makes a migration that can be seen. */
function WhatToType({
  none,
  time,
}: {
  readonly none: boolean;
  readonly time: TimeState | null;
}): JSX.Element {
  const page = new URL("#/migration?pair=HOST:PID,HOST:PID", document.baseURI).href;
  const server = new URL(".", document.baseURI).href.replace(/^http/, "ws").replace(/\/$/, "");
  return (
    <div class="hint" data-testid="what-to-type">
      {none && <h2>No migration is seen{time?.live === false && " at this moment"}</h2>}
      {time?.can_be_live !== false && (
        <>
          <p>One that makes itself, with pages of this machine:</p>
          <pre>hugescope demo</pre>
          <p>
            One of your own: an agent on both hosts, as root. Two ends of one VM are found by
            themselves.
          </p>
          <pre>hugescope agent --server {server} --host-id HOST --token-file FILE</pre>
        </>
      )}
      <p>Where they are not: name both processes in the address, the source first.</p>
      <pre>{page}</pre>
    </div>
  );
}
