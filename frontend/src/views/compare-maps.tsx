/** Both sides as maps with one range and one cursor, what their colours mean, and both states of one cell in words. */
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { nextChange, SIDE_NAMES, type CellPlaces, type SideName } from "../lib/compare";
import { integer } from "../lib/format";
import { cellAt, rangeAround, type CellSpan } from "../lib/geometry";
import type { KeyAction } from "../lib/keys";
import { axesFor, compareLegend, ComparePicture } from "../state/compare-picture";
import { Linked } from "../state/linked";
import { theme } from "../state/theme";
import type { Comparison, DiffRun, MappingDiff } from "../wire/types";
import { Swatch } from "./composition-bar";
import { ComparePane, type CompareHandle } from "./compare-pane";
import { placeWords } from "./compare-words";
import { moveBoth, useLinkedKeys, type PaneHandles } from "./linked-pane";
import type { DragMode } from "./plot-axes";
import { Segmented } from "./segmented";

/** Shows a run on the maps. */
export type GoTo = (run: DiffRun) => void;

export interface MapsProps {
  readonly comparison: Comparison;
  readonly places: CellPlaces;
  readonly mapping: MappingDiff;
  readonly goTo: { current: GoTo | null };
}

type Pictures = Readonly<Record<SideName, ComparePicture>>;

/** One object for both maps and their keys; range and cursor outlive another answer about the same mappings. */
class Desk {
  readonly linked = new Linked<SideName>(null, (then) => requestAnimationFrame(then), "a");
  readonly handles: PaneHandles<SideName, CompareHandle> = {};
  places: CellPlaces | null = null;

  get handle(): CompareHandle | undefined {
    return this.handles[this.linked.leader] ?? this.handles.a ?? this.handles.b;
  }

  /** Whether the key meant something. */
  readonly act = (action: KeyAction, key: string): boolean => {
    const { linked, handle } = this;
    switch (action) {
      case "move":
        return handle?.control.move(key, false) ?? false;
      case "next-other":
      case "next-changed":
      case "previous-other":
        this.toChange(action === "previous-other" ? -1 : 1);
        return true;
      case "back":
        if (handle) handle.control.cursor.value = null;
        linked.cursor.value = null;
        return true;
      default:
        return moveBoth(linked, action, key);
    }
  };

  /** To the next changed cell, or the one before. */
  toChange(step: 1 | -1): void {
    const { handle, places } = this;
    if (!handle || !places) return;
    const from = this.here();
    const start = from ?? (step > 0 ? -1 : places.count);
    const to = nextChange(places, start, step);
    if (to !== null) handle.control.goTo(to);
  }

  /** The place that is pointed at. */
  here(): number | null {
    const entry = this.linked.cursor.peek()?.entry;
    const geometry = this.handle?.picture.geometry;
    return entry && geometry ? cellAt(geometry, entry.row, entry.column) : null;
  }

  /** Both maps show these places, and the cursor stands on the first. */
  show(span: CellSpan): void {
    const { handle, linked } = this;
    if (!handle) return;
    linked.show(rangeAround(handle.picture.geometry, span));
    handle.control.goTo(span.first);
    // What was clicked may stand far below.
    handle.canvas?.closest("section")?.scrollIntoView({ block: "nearest" });
  }
}

/** Tools, maps, legend and readout. */
export function CompareMaps(props: MapsProps): JSX.Element {
  const { comparison, places, mapping, goTo } = props;
  const [desk] = useState(() => new Desk());
  const [dragMode, setDragMode] = useState<DragMode>("zoom");
  const pictures = usePictures(props);
  desk.places = places;
  goTo.current = (run) => {
    desk.show({ first: run.first_a + places.a.shift, count: run.count });
  };
  useLinkedKeys(SIDE_NAMES, desk.linked, desk.handles, desk.act);
  return (
    <div class="compare-maps">
      <Tools {...{ desk, dragMode, setDragMode }} />
      <div class="compare-panes">
        {SIDE_NAMES.map((side) => (
          <ComparePane
            key={side}
            picture={pictures[side]}
            label={labelOf(comparison, mapping, side)}
            {...{ side, dragMode }}
            linked={desk.linked}
            handles={desk.handles}
          />
        ))}
      </div>
      <Readout {...{ desk, places, mapping }} />
      <Legend pictures={pictures} />
      <p class="keys" id="map-keys">
        {pictures.a.axes.starts === null &&
          "Rows are offsets from the first place, as the addresses of both do not line up. "}
        Arrow keys move over the cells, <kbd>.</kbd> and <kbd>,</kbd> lead to the next and the
        previous change, <kbd>+</kbd> <kbd>-</kbd> zoom, <kbd>w</kbd> <kbd>a</kbd> <kbd>s</kbd>{" "}
        <kbd>d</kbd> move the window, <kbd>0</kbd> shows all.
      </p>
    </div>
  );
}

function Tools(props: {
  readonly desk: Desk;
  readonly dragMode: DragMode;
  readonly setDragMode: (mode: DragMode) => void;
}): JSX.Element {
  const { desk, dragMode, setDragMode } = props;
  const button = (words: string, id: string, act: () => void): JSX.Element => (
    <button type="button" data-testid={id} onClick={act}>
      {words}
    </button>
  );
  return (
    <div class="compare-tools">
      <Segmented
        name="drag"
        label="drag to"
        options={[
          ["zoom", "zoom"],
          ["pan", "pan"],
        ]}
        value={dragMode}
        choose={setDragMode}
      />
      <span class="buttons">
        {button("‹ changed", "to-previous-change", () => {
          desk.toChange(-1);
        })}
        {button("changed ›", "to-next-change", () => {
          desk.toChange(1);
        })}
        {button("reset zoom", "zoom-home", () => {
          desk.linked.show(null);
        })}
      </span>
    </div>
  );
}

function labelOf(comparison: Comparison, mapping: MappingDiff, side: SideName): string {
  const { process } = comparison[side];
  const { comm, pid, cells } = mapping[side];
  return `${side.toUpperCase()}: ${process ?? comm ?? "process"} ${pid}, ${integer(cells)} cells; what changed stands out`;
}

/** Of each answer; where it is about what the one before was about, the same pictures show it. */
function usePictures({ comparison, places, mapping }: MapsProps): Pictures {
  const kept = useRef<Partial<Pictures>>({});
  return useMemo(() => {
    const axes = axesFor(places, mapping.a, mapping.b);
    const of = (side: SideName): ComparePicture => {
      const what = [mapping[side], comparison[side].host_id, axes] as const;
      const before = kept.current[side];
      if (before?.take(places, ...what)) return before;
      return new ComparePicture(places, side, ...what);
    };
    kept.current = { a: of("a"), b: of("b") };
    return kept.current as Pictures;
    // Answers are frozen: these places are of this answer.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [places]);
}

/** Keeps its place. Alone in being drawn anew as the cursor moves. */
function Readout(props: {
  readonly desk: Desk;
  readonly places: CellPlaces;
  readonly mapping: MappingDiff;
}): JSX.Element {
  const { desk, places, mapping } = props;
  const cursor = desk.linked.cursor.value;
  const place = cursor && desk.here();
  const words = place === null ? null : placeWords(places, mapping, place);
  return (
    <>
      <dl class="linked-readout compare-readout" data-testid="compare-readout">
        {words === null ? (
          <div>
            <dt>cell</dt>
            <dd class="muted">Point at a cell, or move there with the arrow keys.</dd>
          </div>
        ) : (
          SIDE_NAMES.map((side) => (
            <div key={side} data-fact={side}>
              <dt>{side.toUpperCase()}</dt>
              <dd>
                {words[side]}
                {side === "b" && words.same && <b> unchanged</b>}
              </dd>
            </div>
          ))
        )}
      </dl>
      <p class="unseen" role="status">
        {words !== null &&
          cursor?.by === "keyboard" &&
          `A ${words.a}. B ${words.b}.${words.same ? " Unchanged." : ""}`}
      </p>
    </>
  );
}

/** What the colours mean, with how many cells have each on either side. */
function Legend(props: { readonly pictures: Pictures }): JSX.Element {
  return (
    <ul class="compare-legend" aria-label="legend" data-testid="compare-legend">
      {compareLegend(props.pictures, theme.value).map((line) => (
        <li key={line.key} data-key={line.key}>
          <Swatch paint={line} /> {line.label}{" "}
          <span class="muted">
            A {integer(line.counts.a)}, B {integer(line.counts.b)}
          </span>
        </li>
      ))}
    </ul>
  );
}
