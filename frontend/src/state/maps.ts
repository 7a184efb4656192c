/** What the store needs once there is a map to show; the overview does without. */
import { decodeFrame } from "../wire/frames";
import { Picture } from "./picture";
import { samePlace, stretchOf, Viewing } from "./viewing";

/** An object of its own, as a module's would take the bundler's helpers along. */
export const maps = { decodeFrame, Picture, samePlace, stretchOf, Viewing };
