import { describe, expect, it } from "vitest";
import type { CellRange } from "../lib/geometry";
import type { Side } from "./migration-words";
import { Linked, type LinkedPanel } from "./linked";

const HOME: CellRange = { x0: 0, x1: 16, y0: 0, y1: 16 };
const PART: CellRange = { x0: 4, x1: 8, y0: 4, y1: 8 };

class Panel implements LinkedPanel {
  readonly plan = { home: HOME };
  shown = 0;

  constructor(public now: CellRange = HOME) {}

  range(): CellRange {
    return this.now;
  }

  show(range: CellRange): void {
    this.shown++;
    this.now = range;
  }

  atHome(): boolean {
    return this.now === HOME;
  }
}

function linked(range: CellRange | null = null): {
  readonly link: Linked<Side>;
  readonly source: Panel;
  readonly destination: Panel;
  readonly pass: () => void;
} {
  const due: (() => void)[] = [];
  const link = new Linked<Side>(range, (then) => due.push(then), "destination");
  const [source, destination] = [new Panel(), new Panel()];
  link.join("source", source);
  link.join("destination", destination);
  const pass = (): void => {
    for (const then of due.splice(0)) then();
  };
  return { link, source, destination, pass };
}

describe("linked panels", () => {
  it("follow the one that leads, once a picture", () => {
    const { link, source, destination, pass } = linked();
    link.leader = "source";
    source.now = { ...PART, x1: 9 };
    link.moved("source");
    source.now = PART;
    link.moved("source");
    pass();
    expect([link.range.value, destination.now, destination.shown]).toEqual([PART, PART, 1]);
  });

  it("do not follow one that only answers", () => {
    const { link, source, destination, pass } = linked();
    link.leader = "source";
    source.now = PART;
    link.moved("source");
    destination.now = { ...PART, x0: 5 };
    link.moved("destination");
    pass();
    expect([link.range.value, destination.now]).toEqual([PART, PART]);
  });

  it("begin with the range of the address, also the one that comes late", () => {
    const { link, source, pass } = linked(PART);
    link.leader = "destination";
    link.moved("source");
    pass();
    expect(source.now).toEqual(PART);
  });

  it("zoom around the cursor, move by shares, and go home", () => {
    const { link, source, destination, pass } = linked();
    link.cursor.value = { entry: { row: 3, column: 11 }, by: "keyboard", side: "source" };
    link.zoom(0.5);
    pass();
    expect(source.now).toEqual({ x0: 5.75, x1: 13.75, y0: 1.75, y1: 9.75 });
    link.pan(0.25, 0);
    pass();
    expect([source.now.x0, destination.now.x0]).toEqual([7.75, 7.75]);
    link.show(null);
    pass();
    expect([source.now, destination.now, link.range.value]).toEqual([HOME, HOME, null]);
  });

  it("are one where the other is not there", () => {
    const { link, source } = linked();
    link.join("destination", null);
    link.show(PART);
    expect(source.now).toEqual(PART);
  });
});
