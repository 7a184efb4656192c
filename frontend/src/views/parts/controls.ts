/** What acts on a map and explains it; loaded right after the map itself. */
import "../../styles/controls.css";

export { MapActions } from "../map-actions";
export { BeforeMap, MapDrawer, MapFoot, MapHead, mapLabel } from "../map-controls";
export { MapMarks } from "../map-marks";
export { MapPreface } from "../map-preface";
