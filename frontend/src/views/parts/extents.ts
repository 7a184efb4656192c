/** The list of extents. */
import "../../styles/extents.css";

export { ExtentsPanel } from "../extents";
