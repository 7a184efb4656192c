/** The frames that the Python encoder made for tests; see scripts/golden_frames.py. */
import { readFileSync } from "node:fs";

export interface GoldenCase {
  readonly name: string;
  readonly frame: string;
  readonly encoding: number;
  readonly seq: number;
  readonly mapping_id: number;
  readonly page_size: number;
  readonly cell_count: number;
  readonly index: readonly number[];
  readonly columns: Readonly<
    Record<"mapped_pages" | "mapcount" | "mappers" | "state" | "flags" | "node", readonly number[]>
  >;
}

/** All cases. */
export function goldenCases(): readonly GoldenCase[] {
  const path = new URL("./testdata/golden-frames.json", import.meta.url);
  const file = JSON.parse(readFileSync(path, "utf8")) as { readonly cases: readonly GoldenCase[] };
  return file.cases;
}

/** A frame's bytes in a buffer of its own. */
export function frameBytes(base64: string): ArrayBuffer {
  return Uint8Array.from(Buffer.from(base64, "base64")).buffer;
}
