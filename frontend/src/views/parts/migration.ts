/** The screen of a migration; what it draws cells with is the map's. */
import "../../styles/migration.css";

export * from "./map";
export { MigrationScreen } from "../migration";
