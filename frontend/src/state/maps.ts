/** What the store needs once there is a map to show; the overview does without. */
export { decodeFrame } from "../wire/frames";
export { Picture } from "./picture";
export { samePlace, stretchOf, Viewing } from "./viewing";
