/** Two looks beside each other; what it draws cells with is the map's. */
import "../../styles/compare.css";

export * from "./map";
export { CompareScreen } from "../compare";
