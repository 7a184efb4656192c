/** How large the heatmap is and where its axes stand: sizes in CSS pixels. */
import { groupingFor } from "./cell-image";
import {
  ENTRIES,
  fittingRange,
  tableAddress,
  type CellRange,
  type TableGeometry,
} from "./geometry";

/** The space between the edge of the plot and its cells. */
export interface Margins {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface PlotPlan {
  readonly width: number;
  readonly height: number;
  readonly margins: Margins;
  readonly home: CellRange;
  readonly fontPx: number;
}

const TALLEST_ROW_PX = 48;
/** Two 1 GiB pages should not become two billboards. */
const WIDEST_CELL_PX = 64;
const SHORTEST_PLOT_PX = 160;
const NARROW_PX = 600;
const TICK_ROOM_PX = 14;

/**
 * Plan a plot for this much room. Cells get whole device pixels wherever that costs less than a quarter of the
 * width; a mapping of few tables gets tall rows, one of many as much height as there is. `limits`: what of the axes is
 * used.
 */
export function planPlot(
  geometry: TableGeometry,
  limits: CellRange,
  roomWidth: number,
  roomHeight: number,
  pixelRatio: number,
): PlotPlan {
  const narrow = roomWidth < NARROW_PX;
  const fontPx = narrow ? 10 : 11;
  const digits = tableAddress(geometry, geometry.rows - 1).toString(16).length + 2;
  const left = Math.ceil(digits * fontPx * 0.62) + TICK_ROOM_PX;
  const margins: Margins = { left, right: narrow ? 8 : 16, top: 8, bottom: 40 };
  const rows = limits.y1 - limits.y0;
  const home = rows < geometry.rows ? limits : fittingRange(geometry);
  const columns = home.x1 - home.x0;
  // Where rows are no page tables there are few columns, and cells may be as large as there is room.
  const larger = geometry.perRow < ENTRIES ? 4 : 1;
  const widest = columns * WIDEST_CELL_PX * larger;
  const room = Math.max(64, Math.min(roomWidth - left - margins.right, widest));
  const tall = Math.max(SHORTEST_PLOT_PX, roomHeight - margins.top - margins.bottom);
  return {
    width: wholePixels(room, columns, pixelRatio),
    height: rowsHeight(rows, tall, pixelRatio, TALLEST_ROW_PX * larger),
    margins,
    home,
    fontPx,
  };
}

function wholePixels(room: number, count: number, pixelRatio: number): number {
  const each = Math.floor((room * pixelRatio) / count);
  const whole = (each * count) / pixelRatio;
  return whole >= room * 0.75 ? whole : room;
}

function rowsHeight(rows: number, tall: number, pixelRatio: number, tallest: number): number {
  const grouping = groupingFor(1, rows, 1, tall * pixelRatio, ENTRIES);
  const shown = Math.ceil(rows / grouping.rows);
  const each = Math.floor((tall * pixelRatio) / shown);
  return Math.max(1, Math.min(each, tallest * pixelRatio)) * (shown / pixelRatio);
}
