/** The window into the page for tests and for people with the console open. */
export { exposeForDebugging } from "../../debug";
