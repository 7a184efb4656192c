/** The heatmap panel of a picture: made when the picture comes, kept in step with size, colours and wishes. */
import { computed } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { CellRange } from "../lib/geometry";
import { highestBucket } from "../lib/palette";
import type { Picture } from "../state/picture";
import type { Store } from "../state/store";
import { theme } from "../state/theme";
import { HeatmapPanel, type PanelStyle } from "./heatmap-panel";
import { firstPictureDrawn } from "./first-picture";
import { loadPlotPart } from "./map-parts";
import { loadPlotly } from "./parts";
import type { DragMode } from "./plot-axes";

/** Below the plot: the hint line, the bars and some air. */
const BELOW_PX = 120;
const LEAST_ROOM_PX = 200;

/** What follows the range of a panel, and leads it. */
export interface RangeKeeper {
  /** The panel moved. */
  moved(): void;
  /** The address of the store says so. */
  follow(range: CellRange | null): void;
  destroy(): void;
}

/** What a panel may take, in CSS pixels. */
export interface Room {
  readonly width: number;
  readonly height: number;
}

interface Current<T> {
  readonly current: T | null;
}

export interface PanelWishes {
  readonly store: Store;
  readonly picture: Picture;
  readonly dragMode: DragMode;
  /** Gets the panel for the toolbar's buttons, null when it goes. */
  readonly onPanel: (panel: HeatmapPanel | null) => void;
  /** Keeps the range instead of the page's address. */
  readonly keeper?: RangeKeeper;
  /** How much room there is in this element, instead of down to the window's lower edge. */
  readonly roomOf?: (element: HTMLElement) => Room;
}

/** The panel in these elements; null in the first drawing, which nobody sees. The component is drawn anew when axes move. */
export function usePanel(
  { store, picture, dragMode, onPanel, keeper, roomOf = roomInWindow }: PanelWishes,
  box: Current<HTMLDivElement>,
  canvas: Current<HTMLCanvasElement>,
  plot: Current<HTMLDivElement>,
): HeatmapPanel | null {
  const [panel, setPanel] = useState<HeatmapPanel | null>(null);
  const [, setMoves] = useState(0);
  const style = useStyle(store, picture);
  const inAddress = useRef<RangeKeeper | null>(null);
  // Before anything is seen: what is pressed and clicked from then on must not be lost.
  useLayoutEffect(() => {
    if (!box.current || !canvas.current || !plot.current) return undefined;
    const element = box.current;
    const elements = { canvas: canvas.current, plot: plot.current };
    const made = new HeatmapPanel(elements, picture, store, style, roomOf(element), rangeOf(store));
    made.onMoved = () => {
      setMoves((count) => count + 1);
      inAddress.current?.moved();
    };
    made.flashes = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    inAddress.current = keeper ?? null;
    const stopDrawing = store.showOn(made);
    setPanel(made);
    onPanel(made);
    void made.pictured.then(async () => {
      firstPictureDrawn();
      const [plotly, part] = await Promise.all([loadPlotly(), loadPlotPart()]);
      if (made.gone) return;
      inAddress.current ??= new part.RangeInAddress(store, made);
      void made.addAxes(plotly, part.PlotAxes);
    });
    const observer = new ResizeObserver(() => {
      made.resize(roomOf(element));
    });
    observer.observe(element.parentElement ?? element);
    observer.observe(document.documentElement);
    return () => {
      observer.disconnect();
      inAddress.current?.destroy();
      inAddress.current = null;
      stopDrawing();
      made.destroy();
      onPanel(null);
    };
    // Colours are handed on below; they must not make the panel anew.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [picture, store]);
  const range = rangeOf(store);
  useEffect(() => {
    inAddress.current?.follow(range);
  }, [range]);
  useEffect(() => {
    panel?.restyle(style);
  }, [panel, style]);
  // Before the next event: a drag may begin as soon as what it does was chosen.
  useLayoutEffect(() => {
    panel?.drag(dragMode);
  }, [panel, dragMode]);
  return panel?.picture === picture ? panel : null;
}

/** The same object as long as nothing of it changed. */
function useStyle(store: Store, picture: Picture): PanelStyle {
  // Cells come and go many times a second: the component follows only what of them makes other colours.
  const following = useMemo(
    () =>
      computed(() => {
        store.followCells();
        const { mode, painted } = picture;
        const counted = mode === "mapcount" || mode === "mappers";
        return counted && painted ? highestBucket(painted.counts) : 1;
      }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the colour mode of the picture follows the route
    [store, picture, picture.mode],
  );
  const highest = following.value;
  const { mode, geometry } = picture;
  const key = [theme.value, mode, geometry.pageSize, highest].join("/");
  const kept = useRef<{ readonly key: string; readonly style: PanelStyle } | null>(null);
  if (kept.current?.key !== key) {
    const page = getComputedStyle(document.documentElement);
    const token = (name: string): string => page.getPropertyValue(`--${name}`).trim();
    kept.current = {
      key,
      style: {
        theme: theme.value,
        paints: picture.paints(theme.value),
        grid: token(`${theme.value}-grid`),
        voidLine: token(`${theme.value}-void`),
        text: token(`${theme.value}-muted`),
        line: token(`${theme.value}-line`),
        monospace: token("mono"),
      },
    };
  }
  return kept.current.style;
}

function roomInWindow(element: HTMLElement): Room {
  const top = element.getBoundingClientRect().top + window.scrollY;
  return {
    width: element.clientWidth,
    height: Math.max(LEAST_ROOM_PX, window.innerHeight - top - BELOW_PX),
  };
}

function rangeOf(store: Store): CellRange | null {
  const route = store.route.value;
  return route.screen === "map" ? route.range : null;
}
