/** What is drawn of a host's report; loaded when the first report is there. */
import "../../styles/report.css";

export { AccountPanel } from "../account-panel";
export { FindingsPanel } from "../findings-panel";
export { MappingPanel } from "../mapping-panel";
