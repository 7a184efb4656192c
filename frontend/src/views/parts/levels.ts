/** Cells that are shown several together, and what is inside of a page. */
export * from "../../state/coarse";
