/** The screen of one mapping. */
import "../../styles/map.css";

export { MapScreen } from "../map-screen";
