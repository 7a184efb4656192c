/** The facts of the cell under the pointer or the keyboard's cursor. */
import type { JSX } from "preact";
import type { Entry } from "../lib/cursor";
import { address, integer } from "../lib/format";
import { cellAt, tableAddress } from "../lib/geometry";
import { cellFacts, type Fact, type Sight } from "../lib/words";
import type { Picture } from "../state/picture";
import type { HeatmapPanel, Place } from "./heatmap-panel";

const WIDTH_PX = 352;
/** Of a box with every value known; a longer one only hangs over a little. */
const HEIGHT_PX = 208;
const STATUS_BAR_PX = 32;
const GAP_PX = 12;

/** Facts of one entry; one line saying so where the mapping has no such cell. */
function entryFacts(
  picture: Picture,
  { row, column }: Entry,
  sight: Sight | null,
): { readonly title: string; readonly facts: readonly Fact[] } {
  const cell = cellAt(picture.geometry, row, column);
  if (cell === null) {
    const va = tableAddress(picture.geometry, row) + column * picture.geometry.pageSize;
    const value = `entry ${column} of table ${row}, ${address(va)}`;
    const fact: Fact = { key: "entry", term: "entry", value, unknown: false };
    return { title: "not part of the mapping", facts: [fact] };
  }
  const { info, geometry, cells } = picture;
  return {
    title: `cell ${integer(cell)}`,
    facts: cellFacts(info, geometry, cells.columns, cell, sight),
  };
}

/** The same as one sentence. */
export function spoken(picture: Picture, entry: Entry, sight: Sight | null): string {
  const { title, facts } = entryFacts(picture, entry, sight);
  return [title, ...facts.map((fact) => `${fact.term} ${fact.value}`)].join("; ");
}

/** A box beside the entry, kept inside the plot. */
export function CellTooltip(props: {
  readonly panel: HeatmapPanel;
  readonly picture: Picture;
  readonly entry: Entry;
  readonly sight: Sight | null;
}): JSX.Element {
  const { panel, picture, entry, sight } = props;
  const { title, facts } = entryFacts(picture, entry, sight);
  const { width, margins } = panel.plan;
  const room = margins.left + width + margins.right;
  const place = panel.placeOf(entry.row, entry.column);
  const left = `${leftOf(place, room)}px`;
  return (
    <div
      class="tooltip"
      style={{ left, ...vertical(place, panel) }}
      aria-hidden="true"
      data-testid="tooltip"
    >
      <p class="tooltip-title">{title}</p>
      <dl>
        {facts.map((fact) => (
          <div key={fact.key} data-fact={fact.key} class={fact.unknown ? "unknown" : ""}>
            <dt>{fact.term}</dt>
            <dd>{fact.value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function leftOf(place: Place, room: number): number {
  const right = place.left + place.width + GAP_PX;
  if (right + WIDTH_PX <= room) return right;
  const left = place.left - GAP_PX - WIDTH_PX;
  return left >= 0 ? left : Math.max(0, Math.min(place.left, room - WIDTH_PX));
}

/** Below the entry, or above it where the window ends too soon below and has room above. */
function vertical(place: Place, panel: HeatmapPanel): { top: string } | { bottom: string } {
  const { plan, windowTop } = panel;
  const below = place.top + place.height + GAP_PX;
  const endPx = window.innerHeight - STATUS_BAR_PX - windowTop;
  const above = windowTop + place.top - GAP_PX;
  if (below + HEIGHT_PX <= endPx || above < HEIGHT_PX) return { top: `${below}px` };
  const height = plan.margins.top + plan.height + plan.margins.bottom;
  return { bottom: `${height - place.top + GAP_PX}px` };
}
