/** The keys that work on every screen. */
export { TimeHelpDialog } from "../time-help";
