/** Hatches: what must be told apart without colour, in device pixels. */
import { hex, mix, type Rgb } from "../lib/color";
import type { Pattern, Theme } from "../lib/palette";

const TILE_PX = 8;

function tile(size: number, draw: (context: CanvasRenderingContext2D) => void): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  if (context !== null) draw(context);
  return canvas;
}

function diagonal(context: CanvasRenderingContext2D, size: number, rising: boolean): void {
  // Three lines, so that the tile joins itself at its corners.
  for (const shift of [-size, 0, size]) {
    context.moveTo(shift, rising ? size : 0);
    context.lineTo(shift + size, rising ? 0 : size);
  }
}

/** A repeating hatch; null where the pattern is none. */
export function hatch(
  context: CanvasRenderingContext2D,
  pattern: Pattern,
  color: Rgb,
  theme: Theme,
  pixelRatio: number,
): CanvasPattern | null {
  if (pattern === "none") return null;
  const size = Math.round(TILE_PX * Math.max(1, pixelRatio));
  const ink: Rgb = pattern === "unknown" || pattern === "dots" ? [0, 0, 0] : [255, 255, 255];
  const against = theme === "dark" && pattern !== "dots" ? ([255, 255, 255] as const) : ink;
  const strength = pattern === "unknown" ? 0.3 : 0.65;
  const line = hex(mix(color, against, strength));
  const source = tile(size, (on) => {
    on.strokeStyle = on.fillStyle = line;
    on.lineWidth = Math.max(1, pixelRatio * 1.25);
    on.beginPath();
    if (pattern === "dots") on.arc(size / 2, size / 2, size / 6, 0, 2 * Math.PI);
    if (pattern === "diagonal" || pattern === "cross") diagonal(on, size, true);
    if (pattern === "unknown" || pattern === "cross") diagonal(on, size, false);
    if (pattern === "dots") on.fill();
    else on.stroke();
  });
  return context.createPattern(source, "repeat");
}

/** What lies outside of the mapping. */
export function voidHatch(
  context: CanvasRenderingContext2D,
  line: string,
  pixelRatio: number,
): CanvasPattern | null {
  const size = Math.round(6 * Math.max(1, pixelRatio));
  const source = tile(size, (on) => {
    on.strokeStyle = line;
    on.lineWidth = Math.max(1, pixelRatio * 0.75);
    on.beginPath();
    diagonal(on, size, true);
    on.stroke();
  });
  return context.createPattern(source, "repeat");
}
