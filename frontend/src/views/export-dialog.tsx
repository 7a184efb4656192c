/** Saves what is on screen: the picture, or the extents as a table. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { extentsCsvUrl } from "../backends/extents";
import { filterOf } from "../lib/extents";
import { pngName, sourceLine, titleLines, type Exported } from "../lib/export-words";
import { freshness } from "../state/freshness";
import type { Picture } from "../state/picture";
import type { MapRoute } from "../state/route";
import type { Store } from "../state/store";
import type { HostSummary } from "../wire/types";
import { Dialog } from "./dialog";
import { mapPng } from "./map-png";

export interface ExportProps {
  readonly store: Store;
  readonly picture: Picture;
  readonly host: HostSummary;
  readonly route: MapRoute;
  readonly close: () => void;
}

/** Stays open, so that both can be had. */
export function ExportDialog(props: ExportProps): JSX.Element {
  const { store, route } = props;
  const [said, setSaid] = useState("");
  const { address, by } = route;
  const { states, flags } = filterOf(by);
  const all = { ...address, states: [], flags: [], cells: null, offset: 0 };
  return (
    <Dialog title="Export" testId="export" close={props.close}>
      <p>
        <button
          type="button"
          autofocus
          data-testid="export-png"
          onClick={() => {
            setSaid("Drawing the picture.");
            savePng(props).then(setSaid, (error: unknown) => {
              setSaid(error instanceof Error ? error.message : "The picture could not be made.");
            });
          }}
        >
          Picture (PNG)
        </button>{" "}
        the map as it is on screen, with its axes and its legend
      </p>
      <p>
        <a href={extentsCsvUrl(all, store.time)} download data-testid="export-csv">
          Extents (CSV)
        </a>{" "}
        all runs of equal cells of this mapping
      </p>
      {(states.length > 0 || flags.length > 0) && (
        <p>
          <a
            href={extentsCsvUrl({ ...all, states, flags }, store.time)}
            download
            data-testid="export-csv-filtered"
          >
            Filtered extents (CSV)
          </a>{" "}
          {[...states, ...flags].join(", ").replaceAll("_", " ")}
        </p>
      )}
      <p role="status" class="muted" data-testid="export-said">
        {said}
      </p>
    </Dialog>
  );
}

async function savePng({ store, picture, host, route }: ExportProps): Promise<string> {
  const { pid } = route.address;
  const known = host.processes.find((process) => process.pid === pid);
  const live = store.connection.peek().phase === "live" && store.selection.peek().phase === "live";
  const received = store.received.peek();
  const fresh =
    received &&
    freshness(
      host,
      received.receivedAtMs,
      store.time.agedMs(received.receivedAtMs, store.nowMs.peek()),
    );
  const old = !live || fresh?.tone === "gone";
  const exported: Exported = {
    host,
    pid,
    process: known?.name?.name ?? known?.comm ?? "process",
    info: picture.info,
    color: route.color,
    oldS: old ? (fresh?.ageS ?? 0) : null,
  };
  const blob = await mapPng({ warning: sourceLine(host), title: titleLines(exported) });
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = pngName(exported);
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 60_000);
  return `Saved ${link.download}.`;
}
