/**
 * The map as a PNG: the cells as they stand on screen, pixel by pixel, plotly's axes over them, a title above and the
 * legend below. All of it is taken from the screen, so that the picture shows what was looked at.
 */
import type { PlotElement } from "plotly.js-cartesian-dist-min";
import { loadPlotly } from "./parts";

/** Words above the cells. */
export interface PngWords {
  /** Said in a band of its own above all else; null: nothing. */
  readonly warning: string | null;
  readonly title: readonly string[];
}

interface Run {
  readonly text: string;
  readonly bold?: boolean;
  /** Absent: that of the page's text. */
  readonly color?: string;
  readonly swatch?: { readonly color: string; readonly hatched: boolean };
}

const BAND = "#f5c542";
/** Read on the band, whatever the theme. */
const BAND_INK = "#1a1200";
const TEXT_PX = 13;
const LINE_PX = 20;
const GAP_PX = 16;
const EDGE_PX = 12;
const SWATCH_PX = 12;

/** Waits for plotly. */
export async function mapPng(words: PngWords): Promise<Blob> {
  const cells = onScreen("heatmap-canvas") as HTMLCanvasElement;
  const plot = onScreen("plot") as PlotElement;
  const { width, height, margin } = plot.layout;
  const scale = window.devicePixelRatio;
  const plotly = await loadPlotly();
  const axes = new Image();
  axes.src = await plotly.toImage(
    { data: plot.data, layout: plot.layout },
    { format: "png", width, height, scale },
  );
  await axes.decode();
  const sheet = new Sheet(width, scale);
  const title = words.title.map((text, line) => [{ text, bold: line === 0 }]);
  const warning =
    words.warning === null ? [] : [[{ text: words.warning, bold: true, color: BAND_INK }]];
  const bandPx = words.warning === null ? 0 : sheet.heightOf(warning);
  const headPx = bandPx + sheet.heightOf(title);
  const legend = legendRuns();
  sheet.begin(headPx + height + sheet.heightOf([legend]));
  sheet.band(bandPx);
  sheet.write(warning, 0);
  sheet.write(title, bandPx);
  sheet.image(cells, margin.l, headPx + margin.t, cells.clientWidth, cells.clientHeight);
  sheet.image(axes, 0, headPx, width, height);
  sheet.write([legend], headPx + height);
  return sheet.png();
}

function onScreen(name: string): HTMLElement {
  const element = document.querySelector<HTMLElement>(`[data-testid="${name}"]`);
  if (element === null) throw new Error("There is no map on screen.");
  return element;
}

/** The legend's lines, with their counts; those that are filtered out say so. */
function legendRuns(): Run[] {
  const lines = onScreen("legend").querySelectorAll<HTMLElement>("[data-key]");
  return [...lines].map((line) => {
    const swatch = line.querySelector<HTMLElement>(".swatch");
    const off = line.matches("[aria-pressed=false]") || line.querySelector("[aria-pressed=false]");
    const text = line.innerText.replace(/\s+/g, " ").trim();
    return {
      text: off ? `${text} (dimmed)` : text,
      ...(swatch && {
        swatch: {
          color: getComputedStyle(swatch).backgroundColor,
          hatched: !swatch.classList.contains("swatch-none"),
        },
      }),
    };
  });
}

/** A canvas of so many CSS pixels' width, in the page's colours and font. */
class Sheet {
  #canvas = document.createElement("canvas");
  #context: CanvasRenderingContext2D;
  #style = getComputedStyle(document.documentElement);

  constructor(
    private readonly width: number,
    private readonly scale: number,
  ) {
    const context = this.#canvas.getContext("2d");
    if (context === null) throw new Error("The browser gives no canvas to draw on.");
    this.#context = context;
  }

  /** As high as this from now on, and empty. */
  begin(height: number): void {
    this.#canvas.width = Math.round(this.width * this.scale);
    this.#canvas.height = Math.round(height * this.scale);
    this.#context.scale(this.scale, this.scale);
    this.#context.fillStyle = getComputedStyle(onScreen("heatmap-canvas")).backgroundColor;
    this.#context.fillRect(0, 0, this.width, height);
  }

  /** A band in the colour of warnings along the upper edge. */
  band(height: number): void {
    this.#context.fillStyle = BAND;
    this.#context.fillRect(0, 0, this.width, height);
  }

  image(image: CanvasImageSource, x: number, y: number, width: number, height: number): void {
    this.#context.imageSmoothingEnabled = false;
    this.#context.drawImage(image, x, y, width, height);
  }

  heightOf(paragraphs: readonly (readonly Run[])[]): number {
    return this.#flow(paragraphs, 0, false);
  }

  write(paragraphs: readonly (readonly Run[])[], top: number): void {
    this.#flow(paragraphs, top, true);
  }

  async png(): Promise<Blob> {
    const blob = await new Promise<Blob | null>((done) => {
      this.#canvas.toBlob(done, "image/png");
    });
    if (blob === null) throw new Error("The browser could not make a PNG of this size.");
    return blob;
  }

  /** Runs one after the other, in lines; what is too long for one is broken between words. The height. */
  #flow(paragraphs: readonly (readonly Run[])[], top: number, draw: boolean): number {
    let y = EDGE_PX / 2;
    for (const paragraph of paragraphs) {
      let x = EDGE_PX;
      for (const run of paragraph) {
        for (const [at, piece] of this.#pieces(run).entries()) {
          const width = this.#widthOf(piece);
          if (x > EDGE_PX && (at > 0 || x + width > this.width - EDGE_PX)) {
            x = EDGE_PX;
            y += LINE_PX;
          }
          if (draw) this.#run(piece, x, top + y);
          x += width + GAP_PX;
        }
      }
      y += LINE_PX;
    }
    return y + EDGE_PX / 2;
  }

  /** The run, in several where it is longer than a line. */
  #pieces(run: Run): Run[] {
    const room = this.width - 2 * EDGE_PX;
    const pieces: Run[] = [];
    for (const word of run.text.split(" ")) {
      const last = pieces.at(-1);
      const longer = last && { ...last, text: `${last.text} ${word}` };
      if (longer && this.#widthOf(longer) <= room) pieces[pieces.length - 1] = longer;
      else pieces.push({ ...(last ? withoutSwatch(run) : run), text: word });
    }
    return pieces;
  }

  #widthOf(run: Run): number {
    this.#font(run);
    return this.#context.measureText(run.text).width + (run.swatch ? SWATCH_PX + 4 : 0);
  }

  #font({ bold }: Run): void {
    this.#context.font = `${bold === true ? 600 : 400} ${TEXT_PX}px ${this.#style.fontFamily}`;
  }

  #run(run: Run, left: number, y: number): void {
    const context = this.#context;
    let x = left;
    if (run.swatch) {
      const top = y + (LINE_PX - SWATCH_PX) / 2;
      context.fillStyle = run.swatch.color;
      context.fillRect(x, top, SWATCH_PX, SWATCH_PX);
      context.strokeStyle = this.#style.color;
      context.lineWidth = 1;
      context.strokeRect(x + 0.5, top + 0.5, SWATCH_PX - 1, SWATCH_PX - 1);
      if (run.swatch.hatched) {
        context.beginPath();
        context.moveTo(x, top + SWATCH_PX);
        context.lineTo(x + SWATCH_PX, top);
        context.stroke();
      }
      x += SWATCH_PX + 4;
    }
    this.#font(run);
    context.textBaseline = "middle";
    context.fillStyle = run.color ?? this.#style.color;
    context.fillText(run.text, x, y + LINE_PX / 2);
  }
}

function withoutSwatch({ text, bold = false, color }: Run): Run {
  return { text, bold, ...(color !== undefined && { color }) };
}
