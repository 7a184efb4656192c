/** All migrations that the server knows. */
import type { JSX } from "preact";
import { percent } from "../lib/format";
import type { Store } from "../state/store";
import type { MigrationEnd, MigrationSummary } from "../wire/types";

/** A line each, the newest first; nothing as long as there is none. */
export function MigrationList({ store }: { readonly store: Store }): JSX.Element | null {
  const migrations = store.migrations.value;
  if (migrations.length === 0) return null;
  return (
    <section class="migrations" aria-labelledby="migrations" data-testid="migrations">
      <h2 id="migrations">Migrations</h2>
      <ul>
        {migrations.map((one) => (
          <li key={one.id} data-phase={one.phase}>
            <a href={`#/migration/${one.id}`}>{one.name ?? `migration ${one.id}`}</a>{" "}
            <span class="tag phase">{phaseWord(one.phase)}</span>{" "}
            {madeWords(one) && <span class="tag tag-late">{madeWords(one)}</span>}{" "}
            <span class="muted">
              {whereWords(one.source)} → {whereWords(one.destination)}
            </span>{" "}
            {percent(one.present, one.pages)} there
          </li>
        ))}
      </ul>
    </section>
  );
}

/** As on the migration's own screen, whose words are a part that loads later. */
function phaseWord(phase: MigrationSummary["phase"]): string {
  return phase.replace(/copy|over/, "-$&");
}

/** How far it is not a VM of a running host. */
function madeWords({ source, destination }: MigrationSummary): string {
  const kinds = [source, destination].flatMap((end) => [
    end?.host_source.kind,
    end?.simulated && "simulated",
  ]);
  return [...new Set(kinds)].filter((kind) => kind && kind !== "live").join(", ");
}

function whereWords(end: MigrationEnd | null): string {
  if (end === null) return "not known";
  return `${end.host_id} ${end.pid}${end.gone ? " (gone)" : ""}`;
}
