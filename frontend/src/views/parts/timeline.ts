/** The time, on every screen; loaded right after the first picture. */
import "../../styles/time.css";

export { TimeBar } from "../time-bar";
