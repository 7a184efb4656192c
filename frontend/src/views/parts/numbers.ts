/** A migration in numbers; loaded right after its maps. */
import "../../styles/numbers.css";

export { MigrationPanels } from "../migration-panels";
