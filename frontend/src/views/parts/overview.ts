/** The first screen. */
import "../../styles/overview.css";

export { OverviewScreen } from "../overview";
