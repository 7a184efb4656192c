/** Pictures and tables to keep. */
export { ExportDialog } from "../export-dialog";
