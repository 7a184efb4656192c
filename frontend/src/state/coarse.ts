/** What the store needs for levels other than single cells: groups of cells, page tables, the parts of a page. */
export { decodeGroups } from "../wire/groups";
export { GroupItems } from "./groups";
export { PartItems } from "./part-items";
