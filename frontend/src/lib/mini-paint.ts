/** The whole of a map in few squares: what each shows. Danger always wins, else what there is most of, pages before holes. */
import type { SmallPicture } from "../state/follow";
import { ENTRIES, type CellRange, type TableGeometry } from "./geometry";
import type { ItemGrid } from "./item-grid";
import { MINI_COLUMNS, miniRows, rowsEach } from "./minimap";
import { MIGRATING, NO_PAGE, PAINT_OF_STATE } from "./palette";

/** In place of a paint: the mapping has nothing there. */
export const NOTHING_THERE = -1;

const EACH = ENTRIES / MINI_COLUMNS;

/** Paints of the squares, row by row, from all items of a picture. */
export function paintsOfItems(paint: Uint8Array, grid: ItemGrid, limits: CellRange): Int16Array {
  const each = rowsEach(limits.y1 - limits.y0);
  const rows = miniRows(limits.y1 - limits.y0);
  const squares = new Int16Array(MINI_COLUMNS * rows).fill(NOTHING_THERE);
  const votes = new Uint32Array(MINI_COLUMNS * 256);
  const seen = new Uint8Array(256);
  const wide = Math.max(1, MINI_COLUMNS / grid.perRow);
  const end = grid.first + grid.count;
  // `perRow` is a power of two.
  const bits = Math.log2(grid.perRow);
  const mask = grid.perRow - 1;
  for (let row = 0; row < rows; row++) {
    votes.fill(0);
    seen.fill(0);
    const from = Math.max(grid.first, (limits.y0 + row * each) * grid.perRow);
    const stop = Math.min(end, (limits.y0 + (row + 1) * each) * grid.perRow);
    for (let place = from; place < stop; place++) {
      const column = ((place & mask) * MINI_COLUMNS) >>> bits;
      const one = paint[place - grid.first] ?? 0;
      seen[one] = 1;
      for (let at = column; at < column + wide; at++) {
        const vote = at * 256 + one;
        votes[vote] = (votes[vote] ?? 0) + 1;
      }
    }
    const kinds: number[] = [];
    for (let one = 255; one >= 0; one--) if (seen[one] === 1) kinds.push(one);
    for (let column = 0; column < MINI_COLUMNS; column++) {
      squares[row * MINI_COLUMNS + column] = winner(votes, column * 256, kinds);
    }
  }
  return squares;
}

/** `kinds` are the paints that may have votes, highest first. */
function winner(votes: Uint32Array, from: number, kinds: readonly number[]): number {
  let won = NOTHING_THERE;
  let most = 0;
  for (const paint of kinds) {
    const count = votes[from + paint] ?? 0;
    if (count > 0 && paint >= MIGRATING) return paint;
    // A few pages among many holes are what one looks for here.
    if (count > most && (paint !== NO_PAGE || won === NOTHING_THERE)) [most, won] = [count, paint];
  }
  return won;
}

/** The same from the server's thumbnail of the mapping, by state. */
export function paintsOfThumb(
  { cells, states }: SmallPicture,
  geometry: TableGeometry,
): Int16Array {
  const each = rowsEach(geometry.rows);
  const rows = miniRows(geometry.rows);
  const squares = new Int16Array(MINI_COLUMNS * rows).fill(NOTHING_THERE);
  const paintAt = (cell: number): number => {
    if (cell < 0 || cell >= geometry.cellCount) return NOTHING_THERE;
    return PAINT_OF_STATE[states[Math.floor(cell / cells)] ?? 0] ?? NOTHING_THERE;
  };
  for (let square = 0; square < squares.length; square++) {
    const row = Math.floor(square / MINI_COLUMNS) * each;
    const first = row * ENTRIES + (square % MINI_COLUMNS) * EACH - geometry.firstColumn;
    let shown = NOTHING_THERE;
    for (let line = 0; line < each; line++) {
      for (let cell = first; cell < first + EACH; cell += Math.min(EACH, cells)) {
        const paint = paintAt(cell + line * ENTRIES);
        if (shown <= NO_PAGE || paint >= MIGRATING) shown = Math.max(shown, paint);
      }
    }
    squares[square] = shown;
  }
  return squares;
}
