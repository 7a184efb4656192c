/** The first screen. */
import "../../styles/overview.css";

export { MigrationLobby } from "../migration-lobby";
export { OverviewScreen } from "../overview";
