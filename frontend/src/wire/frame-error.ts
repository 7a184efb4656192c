/** What both decoders of blocks share: the error, and checks of lengths and indices. */

/** A frame that breaks the layout; codes equal those of the Python decoder. */
export class FrameError extends Error {
  constructor(
    readonly code:
      "short_frame" | "bad_magic" | "bad_kind" | "bad_json" | "bad_block" | "trailing_bytes",
    message: string,
  ) {
    super(message);
    this.name = "FrameError";
  }
}

/** What is wrong with a block of this mapping. */
export function badBlock(mappingId: number, what: string): FrameError {
  return new FrameError("bad_block", `mapping ${mappingId}: ${what}`);
}

/** Zero bytes that follow so many bytes, up to a multiple of 4. */
export function paddingOf(bytes: number): number {
  return (4 - (bytes % 4)) % 4;
}

/** Whether each index is larger than the one before. */
export function rises(index: Uint32Array): boolean {
  for (let row = 1; row < index.length; row++) {
    if ((index[row] ?? 0) <= (index[row - 1] ?? 0)) return false;
  }
  return true;
}
