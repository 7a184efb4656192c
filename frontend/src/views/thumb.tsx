/** A mapping, small: its cells in address order, followed while they are in sight. */
import type { JSX, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { pixel } from "../lib/color";
import { barPaints } from "../lib/legend";
import { thumbPixels, thumbShape } from "../lib/thumb-shape";
import type { Followed, SmallPicture } from "../state/follow";
import { theme } from "../state/theme";
import type { MappingSummary } from "../wire/types";
import { countWords } from "./composition-bar";
import { useInSight } from "./in-sight";

/** The host of a table of mappings, as what is followed names it. */
export interface FollowedPlace {
  readonly followed: Followed;
  readonly hostId: string;
  readonly epoch: string;
}

/** The thumbnail of a mapping; what it is made of is its name, in words. */
export function Thumb(props: FollowedPlace & { readonly mapping: MappingSummary }): JSX.Element {
  const { mapping } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const thumb = useThumb(props, mapping.id, canvas);
  const shownTheme = theme.value;
  useEffect(() => {
    if (canvas.current && thumb) draw(canvas.current, thumb.states, mapping.page_size);
  }, [thumb, shownTheme, mapping.page_size]);
  const { widthPx, heightPx } = thumbShape(thumb?.states.length ?? thumbPixels(mapping.cell_count));
  const words = countWords(mapping.state_counts);
  return (
    <canvas
      ref={canvas}
      class="thumb"
      role="img"
      aria-label={words}
      title={words}
      style={{ width: `${widthPx}px`, height: `${heightPx}px` }}
      data-testid="thumb"
      data-cells-a-pixel={thumb?.cells}
    />
  );
}

function useThumb(
  place: FollowedPlace,
  mappingId: number,
  canvas: RefObject<HTMLCanvasElement>,
): SmallPicture | null {
  const { followed, hostId, epoch } = place;
  const [thumb, setThumb] = useState<SmallPicture | null>(null);
  const inSight = useInSight(canvas);
  useEffect(() => {
    if (!inSight) return undefined;
    return followed.watchThumb(hostId, epoch, mappingId, setThumb);
  }, [inSight, followed, hostId, epoch, mappingId]);
  return thumb;
}

/** One pixel of the canvas for each of the thumbnail: the style sheet makes them larger. */
function draw(canvas: HTMLCanvasElement, states: Uint8Array, pageSize: number): void {
  const { columns, rows } = thumbShape(states.length);
  canvas.width = columns;
  canvas.height = rows;
  const colors = barPaints(theme.peek(), pageSize).map((paint) => pixel(paint?.color ?? [0, 0, 0]));
  const image = new ImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  states.forEach((state, at) => {
    pixels[at] = colors[state] ?? 0;
  });
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}
