/** Charts of a host; loaded when they come into sight. */
import "../../styles/charts.css";

export { Charts, TimelineChart } from "../charts";
