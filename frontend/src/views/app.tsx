/** The page: a bar above, a bar below, one screen between. */
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";
import { address } from "../lib/format";
import { processTitle } from "../lib/process-title";
import type { Route } from "../state/route";
import type { Store } from "../state/store";
import { chooseTheme, THEME_CHOICES, theme, themeChoice } from "../state/theme";
import { Breadcrumb } from "./breadcrumb";
import { firstPictureDrawn } from "./first-picture";
import { comparePart, mapPart, migrationPart, overviewPart, timelinePart } from "./parts";
import { Segmented } from "./segmented";
import { StatusBar } from "./status-bar";

/** Everything on the page. */
export function App({ store }: { readonly store: Store }): JSX.Element {
  const route = store.route.value;
  const fault = store.protocolFault.value;
  const shownTheme = theme.value;
  const timeline = timelinePart();
  const past = store.time.past.value;
  useEffect(() => {
    document.documentElement.dataset.theme = shownTheme;
  }, [shownTheme]);
  useEffect(() => {
    document.title = titleOf(store, route);
  });
  return (
    <>
      <header class={past ? "top-bar is-past" : "top-bar"}>
        <a class="brand" href="#/">
          HugeScope
        </a>
        <Breadcrumb store={store} route={route} />
        {past && (
          <strong class="past" role="status" data-testid="past">
            THE PAST<span>: not memory now</span>
          </strong>
        )}
        <Segmented
          name="theme"
          label="theme"
          options={THEME_CHOICES.map((choice) => [choice, choice] as const)}
          value={themeChoice.value}
          choose={chooseTheme}
        />
      </header>
      <main>
        {fault !== null && (
          <p class="notice notice-gone" role="alert" data-testid="protocol-fault">
            {fault}
          </p>
        )}
        {/^(o|u)/.test(route.screen) && <h1 class="unseen">Hosts</h1>}
        <Screen store={store} route={route} />
      </main>
      <footer class="bottom">
        <div class="time-place">{timeline && <timeline.TimeBar store={store} />}</div>
        <StatusBar store={store} />
      </footer>
    </>
  );
}

function Screen(props: { readonly store: Store; readonly route: Route }): JSX.Element | null {
  const { store, route } = props;
  switch (route.screen) {
    case "overview": {
      const part = overviewPart();
      return part && <part.OverviewScreen store={store} hostId={route.hostId} />;
    }
    case "map": {
      const part = mapPart();
      return part && <part.MapScreen store={store} route={route} />;
    }
    case "migration": {
      const part = migrationPart();
      return part && <part.MigrationScreen store={store} route={route} />;
    }
    case "compare": {
      const part = comparePart();
      return part && <part.CompareScreen store={store} route={route} />;
    }
    case "unknown":
      firstPictureDrawn();
      return (
        <p class="hint" data-testid="unknown-route">
          There is nothing at <span class="mono">{route.hash}</span>. <a href="#/">All hosts</a>
        </p>
      );
  }
}

function titleOf(store: Store, route: Route): string {
  if (route.screen !== "map") return "HugeScope";
  const { hostId, pid, start } = route.address;
  const host = store.received.value?.overview.hosts.find((known) => known.host_id === hostId);
  const process = host?.processes.find((known) => known.pid === pid);
  return `${process ? processTitle(process) : "pid"} ${pid} ${address(start)} · HugeScope`;
}
