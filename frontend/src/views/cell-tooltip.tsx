/** The facts of the entry under the pointer or the keyboard's cursor. */
import type { JSX } from "preact";
import type { Entry } from "../lib/cursor";
import { itemFacts, type Fact } from "../lib/facts";
import { address, integer } from "../lib/format";
import { cellAt, tableAddress } from "../lib/geometry";
import type { Sight } from "../lib/words";
import { factsOf } from "../state/item-facts";
import type { Picture } from "../state/picture";
import type { HeatmapPanel, Place } from "./heatmap-panel";

const WIDTH_PX = 352;
/** Of a box with every value known; a longer one only hangs over a little. */
const HEIGHT_PX = 240;
const BARS_PX = 76;
const GAP_PX = 12;

/** What explains facts: why values are missing, and since when this page has been looking. */
export interface Looking {
  readonly sight: Sight | null;
  readonly beganMs: number;
}

interface EntryFacts {
  readonly title: string;
  readonly facts: readonly Fact[];
}

/** What an entry is called. */
export function entryTitle(picture: Picture, entry: number): string {
  const { first, count } = picture.itemSpan(entry);
  const of = (one: string, many: string): string =>
    count === 1
      ? `${one} ${integer(first)}`
      : `${many} ${integer(first)} to ${integer(first + count - 1)}`;
  switch (picture.level.kind) {
    case "tables":
      return of("page table", "page tables");
    case "cells":
      return of("cell", "cells");
    case "parts":
      return of("entry", "entries");
  }
}

/** Facts of one entry; one line saying so where the mapping has no such cell. */
function entryFacts(
  picture: Picture,
  { row, column }: Entry,
  { sight, beganMs }: Looking,
  nowMs: number,
): EntryFacts {
  const { geometry, info } = picture;
  const entry = cellAt(geometry, row, column);
  if (entry === null) {
    const va = tableAddress(geometry, row) + column * geometry.pageSize;
    const value = `entry ${column} of table ${row}, ${address(va)}`;
    const fact: Fact = { key: "entry", term: "entry", value, unknown: false };
    return { title: "not part of the mapping", facts: [fact] };
  }
  const title = entryTitle(picture, entry);
  const item = factsOf(picture, entry, nowMs);
  if (item === null) {
    const value = "not loaded yet";
    return { title, facts: [{ key: "state", term: "state", value, unknown: true }] };
  }
  return {
    title,
    facts: itemFacts({ info, geometry, entry, item, sight, watchedS: (nowMs - beganMs) / 1000 }),
  };
}

/** The same as one sentence; without ages, which would be spoken again and again. */
export function spoken(picture: Picture, entry: Entry, sight: Sight | null): string {
  const { title, facts } = entryFacts(picture, entry, { sight, beganMs: 0 }, 0);
  const told = facts.filter(({ key }) => key !== "changed");
  return [title, ...told.map((fact) => `${fact.term} ${fact.value}`)].join("; ");
}

/** A box beside the entry, kept inside the plot. */
export function CellTooltip(props: {
  readonly panel: HeatmapPanel;
  readonly picture: Picture;
  readonly entry: Entry;
  readonly looking: Looking;
  /** On the page's clock. */
  readonly nowMs: number;
}): JSX.Element {
  const { panel, picture, entry, nowMs } = props;
  const { title, facts } = entryFacts(picture, entry, props.looking, nowMs);
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
      <FactList facts={facts} />
    </div>
  );
}

/** Facts, a line each. */
export function FactList({ facts }: { readonly facts: readonly Fact[] }): JSX.Element {
  return (
    <dl class="fact-list">
      {facts.map((fact) => (
        <div key={fact.key} data-fact={fact.key} class={fact.unknown ? "unknown" : ""}>
          <dt>{fact.term}</dt>
          <dd>{fact.value}</dd>
        </div>
      ))}
    </dl>
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
  const endPx = window.innerHeight - BARS_PX - windowTop;
  const above = windowTop + place.top - GAP_PX;
  if (below + HEIGHT_PX <= endPx || above < HEIGHT_PX) return { top: `${below}px` };
  const height = plan.margins.top + plan.height + plan.margins.bottom;
  return { bottom: `${height - place.top + GAP_PX}px` };
}
