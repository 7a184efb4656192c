/** Two looks at hosts or mappings beside each other: what changed, how much, and where. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { compareCsvUrl, type Compared } from "../backends/compare";
import { bytes, integer } from "../lib/format";
import { comparedPair, csvQuery, pairKey } from "../state/compare-answer";
import type { CompareRoute } from "../state/route";
import type { Store } from "../state/store";
import type { Comparison } from "../wire/types";
import { change, isMigration, useAsked, useWish, type Asked } from "./compare-asking";
import { HostTables } from "./compare-hosts";
import { CompareMaps, type GoTo } from "./compare-maps";
import { CompareSides } from "./compare-sides";
import { ChangeTable, RunTable, Unknown } from "./compare-tables";
import { firstPictureDrawn } from "./first-picture";

/** The screen of the comparison that the route names. */
export function CompareScreen(props: {
  readonly store: Store;
  readonly route: CompareRoute;
}): JSX.Element {
  const { store, route } = props;
  const wish = useWish(store, route);
  const asked = useAsked(store, wish);
  useEffect(() => {
    firstPictureDrawn();
  }, []);
  return (
    <section
      class="compare"
      aria-label="comparison"
      data-testid="compare"
      data-busy={asked?.busy ?? true}
    >
      <h1>Compare</h1>
      {wish.a && wish.b && (
        <CompareSides
          store={store}
          sides={{ a: wish.a, b: wish.b }}
          comparison={asked?.compared?.comparison ?? null}
          change={change}
        />
      )}
      {asked ? <Answer asked={asked} /> : <Waiting store={store} route={route} />}
    </section>
  );
}

/** What is known now; while the next answer is awaited, the one before stays, and is seen to be old. */
function Answer({ asked }: { readonly asked: Asked }): JSX.Element {
  const { compared, fresh, fault, busy, again } = asked;
  const shade = fresh ? "" : "compare-stale";
  return (
    <>
      {fault !== null && (
        <p class="notice notice-gone" role="status" data-testid="compare-fault">
          {fault}
        </p>
      )}
      <p class="compare-verdict">
        <b role="status" class={shade} data-testid="compare-verdict">
          {fault === null && (compared ? verdictOf(compared.comparison) : "Comparing…")}
        </b>{" "}
        <button
          type="button"
          aria-disabled={busy}
          onClick={() => {
            if (!busy) again();
          }}
          data-testid="compare-again"
        >
          compare again
        </button>
      </p>
      {compared && (
        <div class={shade} aria-busy={!fresh}>
          <Result compared={compared} />
        </div>
      )}
    </>
  );
}

/** Until there are two sides. */
function Waiting(props: { readonly store: Store; readonly route: CompareRoute }): JSX.Element {
  const { store, route } = props;
  const hosts = store.received.value?.overview.hosts.length ?? 0;
  if (hosts === 0) return <p class="hint">There is no host to compare yet.</p>;
  if (!isMigration(route)) return <p class="hint">Looking for what to compare…</p>;
  return (
    <p class="hint" data-testid="compare-no-ends">
      Not both ends of this migration are known. <a href="#/compare">Compare hosts</a>
    </p>
  );
}

/** What came out. */
function Result({ compared }: { readonly compared: Compared }): JSX.Element {
  const { comparison, places } = compared;
  const goTo = useRef<GoTo | null>(null);
  const pair = comparedPair(comparison);
  if (pair === null) {
    return (
      <>
        <Unknown comparison={comparison} />
        <HostTables comparison={comparison} />
      </>
    );
  }
  const { mapping } = pair;
  const key = pairKey(pair, places?.count ?? 0);
  return (
    <>
      {places ? (
        <CompareMaps key={key} {...{ comparison, places, mapping, goTo }} />
      ) : (
        <p class="hint" data-testid="compare-undrawn">
          There are too many cells to draw them here: choose smaller mappings.
        </p>
      )}
      <div class="compare-words">
        <ChangeTable mapping={mapping} />
        <Unknown comparison={comparison} />
      </div>
      <RunTable
        goTo={places && goTo}
        pageKey={key}
        csvUrl={compareCsvUrl(csvQuery(pair))}
        mapping={mapping}
      />
    </>
  );
}

/** In one sentence. */
export function verdictOf({ document }: Comparison): string {
  const { same, compared_cells: cells, changed_cells: changed } = document;
  if (same) return `The same: ${integer(cells)} cells compared, nothing differs.`;
  const came = `${bytes(document.came_bytes)} came, ${bytes(document.went_bytes)} went`;
  return `${integer(changed)} cells changed, came or went; ${integer(cells)} compared; ${came}.`;
}
