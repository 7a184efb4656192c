/** What an exported picture of a map says beside its cells. */
import type { HostSummary, MappingInfo } from "../wire/types";
import { address, addressRange, age, bytes, integer } from "./format";
import { hostName } from "./host-name";

export interface Exported {
  readonly host: HostSummary;
  readonly pid: number;
  /** What people call the process. */
  readonly process: string;
  readonly info: MappingInfo;
  readonly color: string;
  /** Age of the picture where it is not live; null where it is. */
  readonly oldS: number | null;
}

/** Lines above the cells, the first of them the title. */
export function titleLines({ host, pid, process, info, color, oldS }: Exported): string[] {
  const pages = `${integer(info.cell_count)} × ${bytes(info.page_size)}`;
  const old = oldS === null ? "" : `, the last picture, ${age(oldS)} old when it was saved`;
  return [
    `${hostName(host)} · ${process} pid ${pid} · ${addressRange(info.start, info.end)}`,
    `${pages} coloured by ${color} · as of ${time(host)} UTC${old} · HugeScope`,
  ];
}

/** What must stand above all else in a picture of what is not live memory; null where it is. */
export function sourceLine({ source }: HostSummary): string | null {
  if (source.kind === "live") return null;
  const what = source.name === null ? "" : ` of ${source.name}`;
  return `${source.kind.toUpperCase()}${what}: not this machine’s memory`;
}

/** Name of the file, of letters that every file system takes. */
export function pngName({ host, pid, info }: Exported): string {
  const name = hostName(host).replace(/[^A-Za-z0-9._-]/g, "_");
  const moment = time(host).replace(" ", "T").replaceAll(/[-:]/g, "");
  return `hugescope-${name}-${pid}-${address(info.start)}-${moment}Z.png`;
}

function time(host: HostSummary): string {
  return new Date(host.taken_at).toISOString().slice(0, 19).replace("T", " ");
}
