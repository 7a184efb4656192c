/** A page of extents as a table. */
import type { JSX } from "preact";
import { cellsText } from "../lib/extents";
import { address, addressRange, age, bytes, integer, NOTHING } from "../lib/format";
import { rangeAround, tableGeometry } from "../lib/geometry";
import { stateNumber } from "../lib/parts";
import { reason, type Sight } from "../lib/words";
import type { Picture } from "../state/picture";
import { mapHash, type MapRoute } from "../state/route";
import type { Extent, ExtentPage } from "../wire/types";

/** Of more than these one cell is too small to be seen among all. */
const MANY_CELLS = 2 ** 16;

interface TableProps {
  readonly page: ExtentPage;
  readonly picture: Picture;
  readonly sight: Sight | null;
  readonly route: MapRoute;
  /** Whether a newer page is on its way. */
  readonly busy: boolean;
}

interface Column {
  readonly name: string;
  readonly numeric?: boolean;
  readonly of: (extent: Extent, sight: Sight | null) => JSX.Element | string;
}

const COLUMNS: readonly Column[] = [
  { name: "address", of: ({ start, end }) => <Mono>{addressRange(start, end)}</Mono> },
  { name: "size", numeric: true, of: ({ start, end }) => bytes(end - start) },
  { name: "file offset", numeric: true, of: ({ file_offset }) => offset(file_offset) },
  { name: "guest offset", numeric: true, of: ({ guest_offset }) => offset(guest_offset) },
  { name: "state", of: ({ state }) => state },
  { name: "mapped", numeric: true, of: ({ mapped_bytes }) => bytes(mapped_bytes) },
  { name: "mapcount", numeric: true, of: (extent, sight) => count("mapcount", extent, sight) },
  { name: "mappers", numeric: true, of: (extent, sight) => count("mappers", extent, sight) },
  { name: "node", numeric: true, of: (extent, sight) => count("node", extent, sight) },
  { name: "flags", of: ({ flags }) => flags.join(", ").replaceAll("_", " ") || NOTHING },
  {
    name: "last change",
    numeric: true,
    of: ({ changed_ago_s: ago }) => (ago === null ? "not seen" : `${age(ago)} ago`),
  },
];

/** Each row links to its cells on the map. */
export function ExtentTable(props: TableProps): JSX.Element {
  const { page, picture, sight, route, busy } = props;
  const { info } = picture;
  const columns = COLUMNS.filter(
    ({ name }) =>
      (name !== "file offset" || info.backing.kind !== "anonymous") &&
      (name !== "guest offset" || info.guest !== null),
  );
  const { offset: before, extents } = page;
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label="extents, to be scrolled">
      <table data-testid="extent-table" aria-busy={busy} aria-rowcount={page.total + 1}>
        <caption>
          <span>{captionOf(page)}</span>
        </caption>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col">cells</th>
            {columns.map(({ name, numeric }) => (
              <th key={name} scope="col" class={numeric === true ? "number" : ""}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {extents.map((extent, row) => (
            <tr key={row} aria-rowindex={before + row + 2}>
              <th scope="row">
                <a href={cellsHash(picture, route, extent)} onClick={showMap}>
                  {cellsText(extent.first, extent.count)}
                </a>
              </th>
              {columns.map(({ name, numeric, of }) => (
                <td key={name} class={numeric === true ? "number" : ""}>
                  {of(extent, sight)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function captionOf({ offset: before, total, cells, extents }: ExtentPage): string {
  if (extents.length === 0) return "No extent is like that.";
  const shown = `${integer(before + 1)} to ${integer(before + extents.length)}`;
  return `${shown} of ${integer(total)} extents (${integer(cells)} cells) by address: neighbours that are equal. “Not seen”: no change since this server first saw the mapping.`;
}

/** Where the extent's cells are seen one by one, whichever level, table and range is on screen. */
function cellsHash(picture: Picture, route: MapRoute, { first, count }: Extent): string {
  const { info, levels } = picture;
  const cells = { first, count };
  const geometry = tableGeometry(info.start, info.page_size, info.cell_count);
  const { kind } = picture.level;
  const range = info.cell_count > MANY_CELLS ? rangeAround(geometry, cells) : route.range;
  return mapHash(route.address, {
    ...route,
    level: levels.find((level) => level.kind === "cells")?.name ?? null,
    table: null,
    part: null,
    cells,
    range: kind === "cells" || range !== route.range ? range : null,
  });
}

function showMap(): void {
  document.querySelector("[data-cells]")?.scrollIntoView({ block: "nearest" });
}

function Mono({ children }: { readonly children: string }): JSX.Element {
  return <span class="mono">{children}</span>;
}

function offset(of: number | null): JSX.Element | string {
  return of === null ? NOTHING : <Mono>{address(of)}</Mono>;
}

/** The number, or why there is none. */
function count(
  what: "mapcount" | "mappers" | "node",
  extent: Extent,
  sight: Sight | null,
): JSX.Element | string {
  const known = extent[what];
  if (known !== null) return integer(known);
  const state = stateNumber(extent.state);
  const why = reason(what, state, sight);
  if (extent.mapped_bytes === 0) return <span title={why}>{NOTHING}</span>;
  return (
    <span class="unknown" title={why}>
      unknown
    </span>
  );
}
