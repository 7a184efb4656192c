/** All of the map, small, with the window that is in sight: to drag, to click, or to move by keys. */
import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { hex, pixel } from "../lib/color";
import { integer } from "../lib/format";
import { sameRange, type CellRange } from "../lib/geometry";
import { centred, MINI_COLUMNS, windowMoved, windowShares } from "../lib/minimap";
import { NOTHING_THERE, paintsOfItems, paintsOfThumb } from "../lib/mini-paint";
import { MIGRATING, paintsOf, POISONED, type Paints } from "../lib/palette";
import { followedOf, type SmallPicture } from "../state/follow";
import type { Picture } from "../state/picture";
import type { Store } from "../state/store";
import { theme } from "../state/theme";
import type { HostSummary } from "../wire/types";
import type { HeatmapPanel } from "./heatmap-panel";

const WIDTH_PX = 192;
const HEIGHT_PX = 64;
/** A row must be seen, and its window as well. */
const LEAST_SHARE = 0.04;
/** A danger is to be seen: so many CSS pixels at least. */
const DANGER_PX = 4;
const SOON_MS = 200;
const REDRAW_MS = 2000;
/** So long a redraw waits for cells, to share their animation frame. */
const ALONG_MS = 150;
/** One pixel a square, to be scaled; one for all, as making one costs more than all that is drawn. */
let small: HTMLCanvasElement | undefined;

export interface MinimapProps {
  readonly store: Store;
  readonly picture: Picture;
  readonly host: HostSummary | null;
  readonly panel: HeatmapPanel;
  /** What is in sight. */
  readonly range: Signal<CellRange | null>;
  /** The element that the window shows. */
  readonly controls: string;
}

/** Nothing while all of a small mapping is in sight anyway. */
export function Minimap(props: MinimapProps): JSX.Element | null {
  const { picture, panel } = props;
  const { limits } = picture;
  const seen = props.range.value ?? panel.range();
  const home = sameRange(seen, panel.plan.home);
  return home && limits.y1 - limits.y0 <= 1 ? null : <MinimapBox {...props} seen={seen} />;
}

function MinimapBox(props: MinimapProps & { readonly seen: CellRange }): JSX.Element {
  const { picture, panel, seen, controls } = props;
  const canvas = useSquares(props);
  const { limits } = picture;
  const { left, top, width, height } = windowShares(seen, limits, LEAST_SHARE);
  const share = (value: number): string => `${100 * value}%`;
  const point = (event: PointerEvent & { readonly currentTarget: HTMLElement }): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    const y = (event.clientY - box.top) / box.height;
    panel.show(centred(panel.range(), limits, x, y));
  };
  return (
    <div
      class="minimap"
      role="scrollbar"
      tabIndex={0}
      aria-label="window on the map"
      aria-controls={controls}
      aria-orientation="vertical"
      aria-valuemin={limits.y0}
      aria-valuemax={Math.max(limits.y0, limits.y1 - Math.ceil(seen.y1 - seen.y0))}
      aria-valuenow={Math.floor(seen.y0)}
      aria-valuetext={windowWords(seen, limits)}
      data-testid="minimap"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        point(event);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) point(event);
      }}
      onKeyDown={(event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const to = windowMoved(event.key, panel.range(), limits);
        if (to === null) return;
        event.preventDefault();
        panel.show(to);
      }}
    >
      <canvas ref={canvas} />
      <div
        class="minimap-window"
        data-testid="minimap-window"
        style={{ left: share(left), top: share(top), width: share(width), height: share(height) }}
      />
    </div>
  );
}

function windowWords(seen: CellRange, limits: CellRange): string {
  const entries = (low: number, high: number): string =>
    `${integer(Math.floor(low))} to ${integer(Math.ceil(high) - 1)}`;
  return `tables ${entries(seen.y0, seen.y1)} of ${integer(limits.y1)}, entries ${entries(seen.x0, seen.x1)}`;
}

/** A canvas that shows the whole, drawn anew as it changes: seldom, and soon where danger comes or goes. */
function useSquares(props: MinimapProps): { readonly current: HTMLCanvasElement | null } {
  const { store, picture, host } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [whole, setWhole] = useState(picture.whole);
  const thumb = useThumb(store, host, picture, whole);
  const shownTheme = theme.value;
  useEffect(() => {
    let timer = 0;
    let dueMs = Infinity;
    let drawnMs = -Infinity;
    let drawn: readonly number[] = [];
    const draw = (): void => {
      window.clearTimeout(timer);
      dueMs = Infinity;
      drawnMs = performance.now();
      drawn = dangerOf(picture);
      if (canvas.current !== null) drawWhole(canvas.current, picture, thumb);
    };
    const follow = (changed: Uint32Array | null): void => {
      if (changed === null) setWhole(picture.whole);
      const now = dangerOf(picture);
      const moves = now[0] + (drawn[0] ?? 0) > 0;
      const soon = changed === null || moves || now[1] !== drawn[1];
      const nextMs = drawnMs + (soon ? SOON_MS : REDRAW_MS);
      const nowMs = performance.now();
      if (nowMs >= nextMs) draw();
      else if (nextMs < dueMs) {
        window.clearTimeout(timer);
        dueMs = nextMs;
        timer = window.setTimeout(draw, nextMs - nowMs + (soon ? 0 : ALONG_MS));
      }
    };
    follow(null);
    const stop = picture.listen(follow);
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [picture, thumb, shownTheme]);
  return canvas;
}

/** Items in flight, and poisoned ones. */
function dangerOf({ painted }: Picture): readonly [moving: number, poisoned: number] {
  return [painted?.counts[MIGRATING] ?? 0, painted?.counts[POISONED] ?? 0];
}

/** The server's thumbnail, while the picture itself holds only a part. */
function useThumb(
  store: Store,
  host: HostSummary | null,
  picture: Picture,
  whole: boolean,
): SmallPicture | null {
  const [thumb, setThumb] = useState<SmallPicture | null>(null);
  const { hostId } = picture.address;
  const epoch = host?.epoch ?? null;
  const mappingId = whole ? null : picture.info.id;
  useEffect(() => {
    if (mappingId === null || epoch === null) return undefined;
    return followedOf(store).watchThumb(hostId, epoch, mappingId, setThumb);
  }, [store, hostId, epoch, mappingId]);
  return thumb;
}

function drawWhole(canvas: HTMLCanvasElement, picture: Picture, thumb: SmallPicture | null): void {
  const { painted, limits, info } = picture;
  if (painted === null) return;
  const fromThumb = !picture.whole && thumb !== null;
  const squares = fromThumb
    ? paintsOfThumb(thumb, picture.geometry)
    : paintsOfItems(painted.paint, painted.items.grid, limits);
  const paints = fromThumb
    ? paintsOf("state", theme.peek(), info.page_size, 1)
    : picture.paints(theme.peek());
  draw(canvas, squares, paints);
}

function draw(canvas: HTMLCanvasElement, squares: Int16Array, paints: Paints): void {
  small ??= document.createElement("canvas");
  const context = canvas.getContext("2d");
  const smallContext = small.getContext("2d");
  if (context === null || smallContext === null) return;
  const ratio = window.devicePixelRatio;
  small.width = MINI_COLUMNS;
  small.height = squares.length / MINI_COLUMNS;
  canvas.width = WIDTH_PX * ratio;
  canvas.height = HEIGHT_PX * ratio;
  const inks = Uint32Array.from(paints, (paint) => (paint ? pixel(paint.color) : 0));
  const data = new ImageData(small.width, small.height);
  const pixels = new Uint32Array(data.data.buffer);
  for (let at = 0; at < pixels.length; at++) pixels[at] = inks[squares[at] ?? NOTHING_THERE] ?? 0;
  smallContext.putImageData(data, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  for (const danger of [MIGRATING, POISONED]) {
    context.fillStyle = hex(paints[danger]?.color ?? [0, 0, 0]);
    for (let at = 0; at < squares.length; at++) {
      if (squares[at] === danger) drawDanger(context, at, small, DANGER_PX * ratio);
    }
  }
}

/** A square that is large enough to be seen. */
function drawDanger(
  context: CanvasRenderingContext2D,
  at: number,
  grid: { readonly width: number; readonly height: number },
  leastPx: number,
): void {
  const { canvas } = context;
  const [across, down] = [canvas.width / grid.width, canvas.height / grid.height];
  const [width, height] = [Math.max(leastPx, across), Math.max(leastPx, down)];
  const x = Math.min((at % grid.width) * across, canvas.width - width);
  const y = Math.min(Math.floor(at / grid.width) * down, canvas.height - height);
  context.fillRect(x, y, width, height);
}
