/** What opens over the map when it is asked for. */
export { GoToDialog } from "../goto-dialog";
export { HelpDialog } from "../help-dialog";
