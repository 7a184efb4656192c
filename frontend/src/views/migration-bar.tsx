/** What can be done with both maps at once. */
import type { JSX } from "preact";
import { bytes } from "../lib/format";
import type { Linked } from "../state/linked";
import type { MigrationAddress, MigrationFields } from "../state/migration-route";
import type { Side } from "../state/migration-words";
import type { MigrationState } from "../wire/types";
import type { DragMode } from "./plot-axes";
import { Segmented } from "./segmented";

interface BarProps {
  readonly state: MigrationState;
  readonly asked: MigrationAddress;
  /** The block on screen. */
  readonly number: number;
  readonly change: (fields: Partial<MigrationFields>) => void;
  readonly linked: Linked<Side>;
  readonly dragMode: DragMode;
  readonly setDragMode: (mode: DragMode) => void;
}

/** Block, colours, what dragging does, and zoom. */
export function MigrationBar(props: BarProps): JSX.Element {
  const { state, asked, change } = props;
  return (
    <div class="mig-bar">
      {state.blocks.length > 1 && <BlockChooser {...props} />}
      <Segmented
        name="mig-color"
        label="colour by"
        options={[
          ["state", "state"],
          ["arrival", "order of arrival"],
        ]}
        value={asked.color}
        choose={(color) => {
          change({ color });
        }}
      />
      <Segmented
        name="mig-drag"
        label="drag to"
        options={[
          ["zoom", "zoom"],
          ["pan", "pan"],
        ]}
        value={props.dragMode}
        choose={props.setDragMode}
      />
      <ZoomButtons {...props} />
    </div>
  );
}

function BlockChooser({ state, number, change }: BarProps): JSX.Element {
  return (
    <label class="mig-block">
      RAM block{" "}
      <select
        value={String(number)}
        data-testid="block"
        onChange={(event) => {
          // Rows and pages of another block are others.
          change({ block: Number(event.currentTarget.value), cells: null, range: null });
        }}
      >
        {state.blocks.map((block, at) => (
          <option key={at} value={String(at)}>
            {block.backend ?? `block ${at}`}, {bytes(block.pages * block.page_size)}
          </option>
        ))}
      </select>
    </label>
  );
}

function ZoomButtons({ linked }: BarProps): JSX.Element {
  const button = (name: string, words: string, sign: string, act: () => void): JSX.Element => (
    <button type="button" aria-label={words} data-testid={name} onClick={act}>
      {sign}
    </button>
  );
  return (
    <span class="buttons">
      {button("mig-zoom-out", "zoom out", "−", () => {
        linked.zoom(2);
      })}
      {button("mig-zoom-in", "zoom in", "+", () => {
        linked.zoom(0.5);
      })}
      {button("mig-home", "reset zoom", "reset zoom", () => {
        linked.show(null);
      })}
    </span>
  );
}
