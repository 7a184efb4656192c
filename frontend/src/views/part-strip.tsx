/** The parts of one page, drawn small; of a 1 GiB page each leads a level down. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { hex } from "../lib/color";
import { bytes, integer } from "../lib/format";
import { barPaints } from "../lib/legend";
import { paintsOf, UNKNOWN, type Paint } from "../lib/palette";
import { PARTS_A_ROW, partCounts, UNKNOWN_STATE, type PageParts } from "../lib/parts";
import { stateName } from "../lib/words";
import { theme } from "../state/theme";
import { PAGE_BYTES } from "../wire/generated";
import { Swatch } from "./composition-bar";
import { hatch } from "./patterns";

const PART_PX = 10;

/** Calls `drill` with the chunk to look into. */
export function PartStrip(props: {
  readonly parts: PageParts;
  readonly drill: (part: number) => void;
}): JSX.Element {
  const { parts, drill } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const shownTheme = theme.value;
  const paints = paintsOfParts(parts);
  const width = PARTS_A_ROW * PART_PX;
  const height = Math.ceil(parts.count / PARTS_A_ROW) * PART_PX;
  useEffect(() => {
    if (canvas.current !== null) draw(canvas.current, parts);
  }, [parts, shownTheme]);
  const counts = partCounts(parts);
  const deeper = parts.partBytes > PAGE_BYTES;
  return (
    <div class="parts" data-testid="parts">
      <p>
        {integer(parts.count)} × {bytes(parts.partBytes)}
      </p>
      <canvas
        ref={canvas}
        style={{ width: `${width}px`, height: `${height}px`, cursor: deeper ? "pointer" : "" }}
        role="img"
        aria-label={counts.map(({ state, count }) => `${stateName(state)} ${count}`).join(", ")}
        onClick={(event) => {
          const row = Math.floor(event.offsetY / PART_PX);
          const part = row * PARTS_A_ROW + Math.floor(event.offsetX / PART_PX);
          if (deeper && part < parts.count) drill(part);
        }}
      />
      <ul class="legend">
        {counts.map(({ state, count, inferred }) => (
          <li key={state}>
            {paints[state] && <Swatch paint={paints[state]} />} {stateName(state)}{" "}
            <b>{integer(count)}</b>{" "}
            {inferred > 0 && <span class="muted">{integer(inferred)} inferred (dotted)</span>}
          </li>
        ))}
      </ul>
      {deeper && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            drill(Number(new FormData(event.currentTarget).get("part")));
          }}
        >
          <label>
            chunk <input type="number" name="part" min={0} max={parts.count - 1} value={0} />
          </label>{" "}
          <button>look inside</button>
        </form>
      )}
    </div>
  );
}

function paintsOfParts({ partBytes }: PageParts): (Paint | undefined)[] {
  const paints = barPaints(theme.value, partBytes);
  paints[UNKNOWN_STATE] = paintsOf("state", theme.value, partBytes, 1)[UNKNOWN];
  return paints;
}

function draw(canvas: HTMLCanvasElement, parts: PageParts): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const ratio = window.devicePixelRatio;
  const size = PART_PX * ratio;
  canvas.width = PARTS_A_ROW * size;
  canvas.height = Math.ceil(parts.count / PARTS_A_ROW) * size;
  const paints = paintsOfParts(parts);
  const gap = Math.max(1, Math.round(ratio));
  parts.states.forEach((state, part) => {
    const paint = paints[state];
    if (paint === undefined) return;
    const x = (part % PARTS_A_ROW) * size;
    const y = Math.floor(part / PARTS_A_ROW) * size;
    const pattern = parts.inferred[part] === 1 ? "dots" : paint.pattern;
    for (const fill of [
      hex(paint.color),
      hatch(context, pattern, paint.color, theme.value, ratio),
    ]) {
      if (fill === null) continue;
      context.fillStyle = fill;
      context.fillRect(x, y, size - gap, size - gap);
    }
  });
}
