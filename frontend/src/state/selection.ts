/**
 * Which mapping the viewer follows, and what to ask the server for: a pure state machine.
 *
 * The URL names a mapping by host, pid and start. The server names it by number, and the numbers change when an agent
 * restarts or a connection is made anew. Whenever an overview shows the wanted mapping under another number than
 * the one asked for, it is asked for again; once it was seen, only a mapping of the same backing counts as the same.
 */
import type {
  FromViewer,
  MappingSummary,
  Overview,
  Subscribed,
  SubscriptionEnded,
  View,
} from "../wire/types";
import { sameAddress, type MapAddress } from "./route";

/** What the server calls a mapping. */
export interface MappingName {
  readonly hostId: string;
  readonly epoch: string;
  readonly mappingId: number;
}

/** What must be equal for a mapping to be the one seen before. */
export interface Identity {
  readonly kind: string;
  readonly inode: number | null;
  readonly pageSize: number;
}

export type Phase =
  | "idle" /** no mapping is wanted */
  | "searching" /** no overview has shown it yet, or not since the connection was lost */
  | "asked" /** the server was asked and has not answered yet */
  | "live" /** frames come */
  | "ended"; /** the server said that no more will come */

export interface Selection {
  readonly phase: Phase;
  readonly wanted: MapAddress | null;
  readonly name: MappingName | null;
  readonly identity: Identity | null;
  readonly ended: SubscriptionEnded | null;
  /** What the server was asked to send of it last. */
  readonly view: View | null;
}

/** What to ask for of a mapping that was found; null: nothing yet. */
export type ViewOf = (mapping: MappingSummary) => View | null;

export type SelectionEvent =
  | { readonly type: "wanted"; readonly address: MapAddress | null }
  | { readonly type: "overview"; readonly overview: Overview }
  | { readonly type: "subscribed"; readonly message: Subscribed }
  | { readonly type: "ended"; readonly message: SubscriptionEnded }
  | { readonly type: "view"; readonly view: View } /** another part, grain or rate is wanted */
  | { readonly type: "disconnected" }
  | { readonly type: "adopt" }; /** take whatever is at the address now as the wanted mapping */

export interface Step {
  readonly selection: Selection;
  readonly send: FromViewer | null;
}

export const NOTHING_SELECTED: Selection = {
  phase: "idle",
  wanted: null,
  name: null,
  identity: null,
  ended: null,
  view: null,
};

/** The next state and the message to send, if any. `overview` is the latest one, null while disconnected. */
export function step(
  selection: Selection,
  event: SelectionEvent,
  overview: Overview | null,
  viewOf: ViewOf,
): Step {
  switch (event.type) {
    case "wanted":
      return want(selection, event.address, overview, viewOf);
    case "adopt":
      return search({ ...selection, identity: null, ended: null }, overview, viewOf);
    case "overview":
      return selection.phase === "idle"
        ? { selection, send: null }
        : search(selection, event.overview, viewOf);
    case "view":
      return look(selection, event.view);
    case "disconnected":
      return {
        selection:
          selection.phase === "idle" ? selection : { ...selection, phase: "searching", name: null },
        send: null,
      };
    case "subscribed":
      return { selection: subscribed(selection, event.message), send: null };
    case "ended":
      return { selection: ended(selection, event.message), send: null };
  }
}

function want(
  selection: Selection,
  address: MapAddress | null,
  overview: Overview | null,
  viewOf: ViewOf,
): Step {
  if (sameAddress(selection.wanted, address)) return { selection, send: null };
  if (address === null) {
    const asked = selection.phase === "asked" || selection.phase === "live";
    return { selection: NOTHING_SELECTED, send: asked ? { type: "unsubscribe" } : null };
  }
  const fresh: Selection = { ...NOTHING_SELECTED, phase: "searching", wanted: address };
  return search(fresh, overview, viewOf);
}

/** The server goes on with what it sends until it answers; frames that follow the answer are of the new view. */
function look(selection: Selection, view: View): Step {
  const { phase, name } = selection;
  const asked = phase === "asked" || phase === "live";
  if (!asked || name === null || sameView(selection.view, view)) return { selection, send: null };
  return { selection: { ...selection, view }, send: subscribe(name, view) };
}

function subscribe(name: MappingName, view: View): FromViewer {
  const { hostId, epoch, mappingId } = name;
  return { type: "subscribe", host_id: hostId, epoch, mapping_id: mappingId, view };
}

function sameView(a: View | null, b: View): boolean {
  return (
    a !== null &&
    a.first === b.first &&
    a.count === b.count &&
    a.shift === b.shift &&
    a.rate_hz === b.rate_hz
  );
}

function search(selection: Selection, overview: Overview | null, viewOf: ViewOf): Step {
  const { wanted, name } = selection;
  if (wanted === null || overview === null) return { selection, send: null };
  const found = find(overview, wanted);
  if (found === null) {
    // It may come back under the very name that ended: the next overview that has it asks again.
    return {
      selection: selection.phase === "ended" ? { ...selection, name: null } : selection,
      send: null,
    };
  }
  const { mapping, epoch } = found;
  if (selection.identity !== null && !sameIdentity(selection.identity, identityOf(mapping))) {
    return { selection, send: null };
  }
  if (name !== null && name.epoch === epoch && name.mappingId === mapping.id) {
    return { selection, send: null };
  }
  const view = viewOf(mapping);
  if (view === null) return { selection, send: null };
  const asked: MappingName = { hostId: wanted.hostId, epoch, mappingId: mapping.id };
  return {
    selection: { ...selection, phase: "asked", name: asked, view },
    send: subscribe(asked, view),
  };
}

function subscribed(selection: Selection, message: Subscribed): Selection {
  if (!names(selection.name, message.host_id, message.mapping.id)) return selection;
  return { ...selection, phase: "live", identity: identityOf(message.mapping), ended: null };
}

function ended(selection: Selection, message: SubscriptionEnded): Selection {
  if (!names(selection.name, message.host_id, message.mapping_id)) return selection;
  return { ...selection, phase: "ended", ended: message };
}

function names(name: MappingName | null, hostId: string, mappingId: number): boolean {
  return name !== null && name.hostId === hostId && name.mappingId === mappingId;
}

/** The mapping that stands at this address in the overview, with its host's epoch. */
export function find(
  overview: Overview,
  address: MapAddress,
): { readonly mapping: MappingSummary; readonly epoch: string } | null {
  const host = overview.hosts.find((candidate) => candidate.host_id === address.hostId);
  const process = host?.processes.find((candidate) => candidate.pid === address.pid);
  const mapping = process?.mappings.find((candidate) => candidate.start === address.start);
  return host && mapping ? { mapping, epoch: host.epoch } : null;
}

/** What makes a mapping the same one as before. */
export function identityOf(mapping: {
  readonly backing: { readonly kind: string; readonly inode: number | null };
  readonly page_size: number;
}): Identity {
  return {
    kind: mapping.backing.kind,
    inode: mapping.backing.inode,
    pageSize: mapping.page_size,
  };
}

/** Whether both are one mapping, as far as can be told. */
export function sameIdentity(a: Identity, b: Identity): boolean {
  return a.kind === b.kind && a.inode === b.inode && a.pageSize === b.pageSize;
}
