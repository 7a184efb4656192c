/** The first screen. */
import "../../styles/overview.css";

export { MigrationList } from "../migration-list";
export { OverviewScreen } from "../overview";
