/** The page behind the selected cell. */
import "../../styles/report.css";

export { PagePanel } from "../page-panel";
