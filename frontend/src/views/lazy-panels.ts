/** The panels of a host's report, which are loaded when they are first needed. */
import { signal } from "@preact/signals";
import { patiently } from "../lib/patience";
import type * as Panels from "./report-panels";

const loaded = signal<typeof Panels | null>(null);
let asked = false;

/** The panels; null until they are here, when the calling component is drawn anew. */
export function reportPanels(): typeof Panels | null {
  if (!asked) {
    asked = true;
    void patiently(() => import("./report-panels")).then((panels) => {
      loaded.value = panels;
    });
  }
  return loaded.value;
}
