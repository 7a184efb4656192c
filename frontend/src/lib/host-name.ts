/** What a host is called. */
import type { HostSummary } from "../wire/types";

/** A host's name for people. */
export function hostName(host: HostSummary): string {
  return host.host.name ?? host.host_id;
}
