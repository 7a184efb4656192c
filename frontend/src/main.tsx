/** Starts the page. */
import { render } from "preact";
import { LiveBackend, viewerUrl } from "./backends/live";
import { pageAsker } from "./backends/pages";
import { Moment } from "./state/moment";
import { Store } from "./state/store";
import "./styles/base.css";
import "./styles/shared.css";
import { App } from "./views/app";
import { loadDebugging } from "./views/parts";

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no element #app");

const store = new Store(window.location.hash, new Moment(window.location.search));
store.onRoute(window.location.hash);
window.addEventListener("hashchange", () => {
  store.onRoute(window.location.hash);
});
store.page.ask = store.parts.ask = pageAsker(document.baseURI, store.time);
new LiveBackend(store, viewerUrl(document.baseURI)).start();
render(<App store={store} />, root);
void loadDebugging().then(({ exposeForDebugging }) => {
  exposeForDebugging(store);
});
