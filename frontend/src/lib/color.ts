/** Colours as numbers, and the sequential scales. */

/** Red, green, blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

/** "#rrggbb" to numbers. */
export function rgb(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 0xff, value & 0xff];
}

/** Numbers to "#rrggbb". */
export function hex([r, g, b]: Rgb): string {
  return `#${((r << 16) | (g << 8) | b).toString(16).padStart(6, "0")}`;
}

/** `share` of b, the rest of a. */
export function mix(a: Rgb, b: Rgb, share: number): Rgb {
  const part = (p: number, q: number): number => Math.round(p + (q - p) * share);
  return [part(a[0], b[0]), part(a[1], b[1]), part(a[2], b[2])];
}

/** One opaque pixel of ImageData seen as a little-endian u32. */
export function pixel([r, g, b]: Rgb): number {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

const VIRIDIS =
  "#440154 #482475 #414487 #355f8d #2a788e #21918c #22a884 #44bf70 #7ad151 #bddf26 #fde725";
const CIVIDIS = "#00224e #123570 #3b496c #575d6d #707173 #8a8678 #a59c74 #c3b369 #e1cc55 #fee838";

const SCALES = {
  viridis: VIRIDIS.split(" ").map(rgb),
  cividis: CIVIDIS.split(" ").map(rgb),
};

/** Colour at `share` (0 to 1) of a scale that is monotonic in lightness. */
export function sequential(scale: keyof typeof SCALES, share: number): Rgb {
  const stops = SCALES[scale];
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  return mix(stops[low] ?? [0, 0, 0], stops[low + 1] ?? [0, 0, 0], at - low);
}
