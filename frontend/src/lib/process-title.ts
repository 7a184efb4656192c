/** What a process is called. */
import type { ProcessSummary } from "../wire/types";

/** What people call this process: a virtual machine's name before its comm. */
export function processTitle(process: Pick<ProcessSummary, "name" | "comm">): string {
  return process.name?.name ?? process.comm ?? "(name unknown)";
}
