/**
 * Decoder of binary frames; the layout stands in agent/hugescope_wire/frames.py.
 *
 * Pure: bytes in, typed arrays out. Arrays are views into the frame where alignment allows, so a frame costs
 * no copy. Every length and index is checked before anything is allocated; what is wrong throws `FrameError`.
 */
import { badBlock, FrameError, paddingOf, rises } from "./frame-error";
import type { decodeGroups, GroupBlock } from "./groups";
import { CellFlag, CellState, Encoding, FRAME_MAGIC, FrameKind, PAGE_BYTES } from "./generated";

const HEADER_BYTES = 20;
const BLOCK_HEADER_BYTES = 20;
const ROW_BYTES = 7;
const MAX_CODES = 256;
/** A step that leads to no cell. */
const FAR = 255;
const HAS_MAPPED_PAGES = 1;
const HAS_CHANGED_AGO = 2;
const STATE_COUNT = Object.keys(CellState).length;
const ALL_FLAGS = Object.values(CellFlag).reduce((bits, bit) => bits | bit, 0);
const ENCODINGS: readonly number[] = Object.values(Encoding);
const KINDS: readonly number[] = Object.values(FrameKind);

export { FrameError } from "./frame-error";

/** Rows of one block, as they travel: neither runs nor codes are spread out. */
export interface Block {
  readonly mappingId: number;
  readonly encoding: number;
  /** First cell covered; 0 for scattered and coded. */
  readonly first: number;
  /** Cells covered. */
  readonly covered: number;
  /** Runs: first cell of each; scattered, coded: the cells; dense: null. */
  readonly index: Uint32Array | null;
  /** Coded: the row of each cell; else null. */
  readonly code: Uint8Array | null;
  /** 4 KiB pages present in each cell; null when the states say it. */
  readonly mappedPages: Uint32Array | null;
  /** Tenths of a second since each cell changed, or `UNKNOWN_AGE`; null when not sent: just now. */
  readonly changedAgo: Uint32Array | null;
  readonly mapcount: Uint16Array;
  readonly mappers: Uint16Array;
  readonly state: Uint8Array;
  readonly flags: Uint8Array;
  readonly node: Uint8Array;
}

/**
 * One frame. `meta` is the JSON part, unchecked; null in frames of cells and of groups. A frame of kind
 * groups has `groups` and no `blocks`, any other the other way round.
 */
export interface Frame {
  readonly kind: number;
  readonly seq: number;
  readonly meta: unknown;
  readonly blocks: readonly Block[];
  readonly groups: readonly GroupBlock[];
}

/** Decode one frame; groups only with their decoder. Throws `FrameError`. */
export function decodeFrame(data: ArrayBuffer, groupsBy: typeof decodeGroups | null = null): Frame {
  if (data.byteLength < HEADER_BYTES) {
    throw new FrameError(
      "short_frame",
      `${data.byteLength} bytes, the header alone has ${HEADER_BYTES}`,
    );
  }
  const view = new DataView(data);
  const magic = String.fromCharCode(...new Uint8Array(data, 0, 4));
  if (magic !== FRAME_MAGIC) throw new FrameError("bad_magic", `starts with ${magic}`);
  const kind = view.getUint8(4);
  if (!KINDS.includes(kind)) throw new FrameError("bad_kind", `frame kind ${kind}`);
  const blockCount = view.getUint16(6, true);
  const seq = Number(view.getBigUint64(8, true));
  const jsonBytes = view.getUint32(16, true);
  let at = HEADER_BYTES + jsonBytes;
  if (at > data.byteLength) {
    throw new FrameError(
      "short_frame",
      `JSON of ${jsonBytes} bytes in a frame of ${data.byteLength}`,
    );
  }
  const meta = decodeMeta(kind, new Uint8Array(data, HEADER_BYTES, jsonBytes));
  at += paddingOf(jsonBytes);
  const blocks: Block[] = [];
  const groups: GroupBlock[] = [];
  for (let n = 0; n < blockCount; n++) {
    if (kind === FrameKind.GROUPS) {
      if (groupsBy === null) throw new FrameError("bad_kind", "nobody asked for groups");
      const [group, end] = groupsBy(data, view, at);
      groups.push(group);
      at = end;
    } else {
      const [block, end] = decodeBlock(data, view, at, kind);
      blocks.push(block);
      at = end;
    }
  }
  if (at !== data.byteLength) {
    throw new FrameError("trailing_bytes", `${data.byteLength - at} bytes after the last block`);
  }
  return { kind, seq, meta, blocks, groups };
}

/** 4 KiB pages of a cell in this state when the frame does not say. */
export function wholePages(state: number, pageSize: number): number {
  const whole = state === CellState.MAPPED || state === CellState.FULL || state === CellState.SPLIT;
  return whole ? pageSize / PAGE_BYTES : 0;
}

/** Throws `FrameError` when the block does not fit a mapping of `cellCount` cells of `pageSize` bytes. */
export function checkFits(block: Block, cellCount: number, pageSize: number): void {
  const last =
    block.encoding === Encoding.SCATTERED || block.encoding === Encoding.CODED
      ? (block.index?.at(-1) ?? -1)
      : block.first + block.covered - 1;
  if (last >= cellCount) throw badBlock(block.mappingId, `cell ${last} of ${cellCount}`);
  const most = pageSize / PAGE_BYTES;
  if (block.mappedPages?.some((pages) => pages > most)) {
    throw badBlock(block.mappingId, "mapped_pages over a page");
  }
}

function decodeMeta(kind: number, text: Uint8Array): unknown {
  if (kind === FrameKind.CELLS || kind === FrameKind.GROUPS) {
    if (text.length > 0) throw new FrameError("bad_json", "a frame of cells carries no JSON");
    return null;
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch {
    throw new FrameError("bad_json", "the JSON part does not parse");
  }
}

function decodeBlock(data: ArrayBuffer, view: DataView, at: number, kind: number): [Block, number] {
  if (at + BLOCK_HEADER_BYTES > data.byteLength) {
    throw new FrameError("bad_block", `block header at byte ${at} is cut off`);
  }
  const encoding = view.getUint8(at + 4);
  const columns = view.getUint8(at + 5);
  const rows = view.getUint32(at + 16, true);
  if (!ENCODINGS.includes(encoding)) {
    throw new FrameError("bad_block", `encoding ${encoding} at byte ${at + 4}`);
  }
  const known = kind === FrameKind.CELLS ? HAS_MAPPED_PAGES | HAS_CHANGED_AGO : HAS_MAPPED_PAGES;
  if ((columns & ~known) !== 0) {
    throw new FrameError("bad_block", `columns ${columns} at byte ${at + 5}`);
  }
  const coded = encoding === Encoding.CODED;
  const covered = view.getUint32(at + 12, true);
  // Beside the columns: a code for each cell, and the steps from one to the next.
  const steps = coded ? covered + view.getUint16(at + 6, true) : 0;
  const indexed = encoding !== Encoding.DENSE && !coded;
  const mapped = (columns & HAS_MAPPED_PAGES) !== 0;
  const aged = (columns & HAS_CHANGED_AGO) !== 0;
  const wide = 4 * rows * (Number(indexed) + Number(mapped) + Number(aged));
  const narrow = ROW_BYTES * rows + (coded ? covered + steps : 0);
  const end = at + BLOCK_HEADER_BYTES + wide + narrow + paddingOf(narrow);
  if (end > data.byteLength) {
    throw new FrameError("bad_block", `${rows} rows at byte ${at} run past the frame`);
  }
  let body = at + BLOCK_HEADER_BYTES;
  const words = (): Uint32Array => {
    body += 4 * rows;
    return new Uint32Array(data, body - 4 * rows, rows);
  };
  const block: Block = {
    mappingId: view.getUint32(at, true),
    encoding,
    first: view.getUint32(at + 8, true),
    covered,
    index: indexed ? words() : null,
    mappedPages: mapped ? words() : null,
    changedAgo: aged ? words() : null,
    mapcount: new Uint16Array(data, body, rows),
    mappers: new Uint16Array(data, body + 2 * rows, rows),
    state: new Uint8Array(data, body + 4 * rows, rows),
    flags: new Uint8Array(data, body + 5 * rows, rows),
    node: new Uint8Array(data, body + 6 * rows, rows),
    code: coded ? new Uint8Array(data, body + 7 * rows, covered) : null,
  };
  checkRows(block, rows);
  if (!coded) return [block, end];
  const index = walked(block, new Uint8Array(data, body + 7 * rows + covered, steps));
  return [{ ...block, first: 0, index }, end];
}

/** The cells of a coded block: each a step behind the one before, `FAR` cells for each byte that says so. */
function walked({ mappingId, first, covered }: Block, steps: Uint8Array): Uint32Array {
  const index = new Uint32Array(covered);
  let count = 0;
  let cell = first;
  let far = true;
  for (const step of steps) {
    cell += step;
    far = step === FAR;
    if (!far) index[count++] = cell;
  }
  const ended = covered === 0 ? steps.length === 0 : !far && steps[0] === 0;
  if (count !== covered || !ended || cell > 0xffffffff || !rises(index)) {
    throw badBlock(mappingId, `${steps.length} steps for ${covered} cells`);
  }
  return index;
}

function checkRows(block: Block, rows: number): void {
  const bad = (what: string): FrameError => badBlock(block.mappingId, what);
  const { index, first, covered } = block;
  if (block.encoding === Encoding.RUNS) {
    if ((rows === 0) !== (covered === 0) || rows > covered) {
      throw bad(`${rows} runs for ${covered} cells`);
    }
    if (rows > 0 && (index?.[0] !== first || !rises(index))) {
      throw bad(`runs do not rise from cell ${first}`);
    }
    if (rows > 0 && (index?.[rows - 1] ?? 0) >= first + covered) {
      throw bad("a run starts past the cells covered");
    }
  } else if (block.code) {
    if (rows > MAX_CODES || (rows === 0) !== (covered === 0)) throw bad(`${rows} rows to code`);
    for (const code of block.code) if (code >= rows) throw bad(`code ${code} of ${rows} rows`);
  } else if (rows !== covered) {
    throw bad(`${rows} rows for ${covered} cells`);
  }
  if (block.encoding === Encoding.SCATTERED && index && !rises(index)) {
    throw bad("indices do not rise");
  }
  for (let row = 0; row < rows; row++) {
    if ((block.state[row] ?? 0) >= STATE_COUNT) throw bad(`state ${block.state[row] ?? 0}`);
    if (((block.flags[row] ?? 0) & ~ALL_FLAGS) !== 0) throw bad("unknown flags");
  }
}
