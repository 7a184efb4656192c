/** What is drawn of a host's report: a part of the page of its own, loaded when the first report is there. */
import "../styles/report.css";

export { AccountPanel } from "./account-panel";
export { FindingsPanel } from "./findings-panel";
export { MappingPanel } from "./mapping-panel";
export { PagePanel } from "./page-panel";
