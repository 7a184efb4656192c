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
  readonly changed_ago: readonly number[] | null;
  readonly columns: Readonly<
    Record<"mapped_pages" | "mapcount" | "mappers" | "state" | "flags" | "node", readonly number[]>
  >;
}

/** A frame of kind groups, and what it says. */
export interface GoldenGroupCase {
  readonly name: string;
  readonly frame: string;
  readonly mapping_id: number;
  readonly shift: number;
  readonly first_column: number;
  readonly cell_count: number;
  readonly numbers: readonly number[];
  readonly changed_ago: readonly number[] | null;
  readonly mapped_pages: readonly number[];
  readonly counts: readonly (readonly number[])[];
  readonly flagged: Readonly<
    Record<"write_protected" | "shared_table" | "inferred", readonly number[]>
  >;
  readonly mapcount: readonly number[];
  readonly mappers: readonly number[];
  readonly node: readonly number[];
}

interface GoldenFile {
  readonly cases: readonly GoldenCase[];
  readonly group_cases: readonly GoldenGroupCase[];
}

function goldenFile(): GoldenFile {
  const path = new URL("./testdata/golden-frames.json", import.meta.url);
  return JSON.parse(readFileSync(path, "utf8")) as GoldenFile;
}

/** All cases of cells. */
export function goldenCases(): readonly GoldenCase[] {
  return goldenFile().cases;
}

/** All cases of groups. */
export function goldenGroupCases(): readonly GoldenGroupCase[] {
  return goldenFile().group_cases;
}

/** A frame's bytes in a buffer of its own. */
export function frameBytes(base64: string): ArrayBuffer {
  return Uint8Array.from(Buffer.from(base64, "base64")).buffer;
}
