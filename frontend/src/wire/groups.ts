/**
 * Decoder of the blocks in frames of kind groups; the layout stands in agent/hugescope_wire/groups.py.
 *
 * A group is 2**shift neighbouring entries of one page table. It carries how many of its cells are in which
 * state, so what it looks like is decided here, and poisoned or migrating cells are never lost in it.
 */
import { badBlock, FrameError, paddingOf, rises } from "./frame-error";
import { CellState, Encoding, TABLE_ENTRIES } from "./generated";

const HEADER_BYTES = 20;
const STATE_COUNT = Object.keys(CellState).length;
const HAS_CHANGED_AGO = 2;
/** Counts by state and of three flags, mapcount and mappers as u16, and the node. */
const SHORT_COLUMNS = STATE_COUNT + 5;
const SHORT_ROW_BYTES = 2 * SHORT_COLUMNS + 1;
const MAX_SHIFT = Math.log2(TABLE_ENTRIES);

/** Rows of one block, one a group. */
export interface GroupBlock {
  readonly mappingId: number;
  /** `Encoding.DENSE` or `Encoding.SCATTERED`. */
  readonly encoding: number;
  /** A group is 2**shift entries. */
  readonly shift: number;
  /** First group covered; 0 for scattered. */
  readonly first: number;
  /** Groups covered: as many as rows. */
  readonly covered: number;
  /** Scattered: number of each group, (cell + first column) >> shift; dense: null. */
  readonly index: Uint32Array | null;
  /** Present 4 KiB pages of all its cells. */
  readonly mappedPages: Uint32Array;
  /** Tenths of a second since the newest change of its cells, or `UNKNOWN_AGE`; null when not sent. */
  readonly changedAgo: Uint32Array | null;
  /** Cells in each state, by `CellState`: `counts[state][row]`. */
  readonly counts: readonly Uint16Array[];
  /** Cells that have the flag. */
  readonly writeProtected: Uint16Array;
  readonly sharedTable: Uint16Array;
  readonly inferred: Uint16Array;
  /** Highest that is known, `UNKNOWN_COUNT` if none. */
  readonly mapcount: Uint16Array;
  readonly mappers: Uint16Array;
  /** Of the present cells: the node of all, `SEVERAL_NODES`, or `UNKNOWN_NODE`. */
  readonly node: Uint8Array;
}

/** The block at byte `at`, and where it ends. Throws `FrameError`. */
export function decodeGroups(data: ArrayBuffer, view: DataView, at: number): [GroupBlock, number] {
  if (at + HEADER_BYTES > data.byteLength) {
    throw new FrameError("bad_block", `block header at byte ${at} is cut off`);
  }
  const mappingId = view.getUint32(at, true);
  const encoding = view.getUint8(at + 4);
  const columns = view.getUint8(at + 5);
  const shift = view.getUint8(at + 6);
  const rows = view.getUint32(at + 16, true);
  const indexed = encoding === Encoding.SCATTERED;
  const aged = columns === HAS_CHANGED_AGO;
  if (!indexed && encoding !== Encoding.DENSE) throw badBlock(mappingId, `encoding ${encoding}`);
  if (!aged && columns !== 0) throw badBlock(mappingId, `columns ${columns}`);
  if (shift < 1 || shift > MAX_SHIFT) throw badBlock(mappingId, `shift ${shift}`);
  const wide = 4 * rows * (1 + Number(indexed) + Number(aged));
  const short = SHORT_ROW_BYTES * rows;
  const end = at + HEADER_BYTES + wide + short + paddingOf(short);
  if (end > data.byteLength) throw badBlock(mappingId, `${rows} rows run past the frame`);
  let body = at + HEADER_BYTES;
  const words = (): Uint32Array => {
    body += 4 * rows;
    return new Uint32Array(data, body - 4 * rows, rows);
  };
  const shorts = (): Uint16Array => {
    body += 2 * rows;
    return new Uint16Array(data, body - 2 * rows, rows);
  };
  const block: GroupBlock = {
    mappingId,
    encoding,
    shift,
    first: view.getUint32(at + 8, true),
    covered: view.getUint32(at + 12, true),
    index: indexed ? words() : null,
    mappedPages: words(),
    changedAgo: aged ? words() : null,
    counts: Array.from({ length: STATE_COUNT }, shorts),
    writeProtected: shorts(),
    sharedTable: shorts(),
    inferred: shorts(),
    mapcount: shorts(),
    mappers: shorts(),
    node: new Uint8Array(data, body, rows),
  };
  checkRows(block, rows);
  return [block, end];
}

function checkRows(block: GroupBlock, rows: number): void {
  const { mappingId, index, covered, counts, shift } = block;
  if (rows !== covered) throw badBlock(mappingId, `${rows} rows for ${covered} groups`);
  if (index && !rises(index)) throw badBlock(mappingId, "indices do not rise");
  for (let row = 0; row < rows; row++) {
    let cells = 0;
    for (const count of counts) cells += count[row] ?? 0;
    const flagged = Math.max(
      block.writeProtected[row] ?? 0,
      block.sharedTable[row] ?? 0,
      block.inferred[row] ?? 0,
    );
    if (cells < 1 || cells > 1 << shift || flagged > cells) {
      throw badBlock(
        mappingId,
        `${cells} cells, ${flagged} with a flag, in a group of ${1 << shift}`,
      );
    }
  }
}
