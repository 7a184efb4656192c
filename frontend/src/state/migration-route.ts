/**
 * The address of a migration: `#/migration`, `#/migration/ID`, or by hand `#/migration?pair=HOST:PID,HOST:PID`, source
 * first; with `&color=arrival&block=K&cells=A-B&x=A-B&y=A-B`.
 */
import type { CellRange, CellSpan } from "../lib/geometry";
import type { PairEnd } from "../wire/types";
import { mapFields, queryOf, spanText, type MigrationRoute } from "./route";

/** Which migration is asked for: by its id, or by both ends. */
export interface MigrationWish {
  readonly id: string | null;
  readonly pair: [PairEnd, PairEnd] | null;
}

/** How it is looked at. */
export interface MigrationFields {
  readonly color: "state" | "arrival";
  /** The RAM block on screen. */
  readonly block: number;
  readonly cells: CellSpan | null;
  readonly range: CellRange | null;
}

export interface MigrationAddress extends MigrationWish, MigrationFields {}

const ID = /^\/migration\/([a-z0-9]{1,16})$/;
/** The server takes no longer names of hosts. */
const PAIR = /^(.{1,128}):([1-9][0-9]{0,9}),(.{1,128}):([1-9][0-9]{0,9})$/;

/** What an address asks for; null: it means nothing. Without id and pair it is of all migrations. */
export function parseMigration({ path, asked }: MigrationRoute): MigrationAddress | null {
  const id = ID.exec(path)?.[1] ?? null;
  if (id === null && path !== "/migration" && path !== "/migration/") return null;
  const named = asked.get("pair");
  const pair = id === null && named !== null ? pairOf(named) : null;
  if (id === null && named !== null && pair === null) return null;
  const { cells, range } = mapFields(asked);
  const block = asked.get("block") ?? "";
  return {
    id,
    pair,
    color: asked.get("color") === "arrival" ? "arrival" : "state",
    block: /^[0-9]{1,3}$/.test(block) ? Number(block) : 0,
    cells,
    range,
  };
}

function pairOf(text: string): [PairEnd, PairEnd] | null {
  const [, source, one, destination, other] = PAIR.exec(text) ?? [];
  if (source === undefined || destination === undefined) return null;
  // One process is not both ends.
  if (source === destination && one === other) return null;
  return [
    { host_id: source, pid: Number(one) },
    { host_id: destination, pid: Number(other) },
  ];
}

/** Link to a migration. */
export function migrationHash(
  { id, pair }: MigrationWish,
  fields: Partial<MigrationFields> = {},
): string {
  const { color, block, cells, range } = fields;
  const last = cells ? cells.first + cells.count - 1 : 0;
  const named = pair?.map((end) => `${end.host_id}:${end.pid}`).join();
  return `#/migration${id === null ? "" : `/${id}`}${queryOf([
    named !== undefined && ["pair", named],
    color === "arrival" && ["color", color],
    block !== undefined && block > 0 && ["block", String(block)],
    cells && ["cells", last > cells.first ? `${cells.first}-${last}` : String(cells.first)],
    range && ["x", spanText(range.x0, range.x1)],
    range && ["y", spanText(range.y0, range.y1)],
  ])}`;
}

/** Whether both ask for the same migration. */
export function sameWish(a: MigrationWish | null, b: MigrationWish | null): boolean {
  return JSON.stringify([a?.id, a?.pair]) === JSON.stringify([b?.id, b?.pair]);
}
