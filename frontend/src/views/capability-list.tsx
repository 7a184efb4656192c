/** What the agent can see, what it cannot, what that costs and how to get it. */
import type { JSX } from "preact";
import { NOTHING } from "../lib/format";
import type { Capabilities, Limit } from "../wire/types";

const LABELS: Readonly<Record<keyof Capabilities, string>> = {
  pfn: "page frame numbers",
  kpageflags: "kpageflags, kpagecount",
  pagemap_scan: "PAGEMAP_SCAN",
  procmap_query: "PROCMAP_QUERY",
  hgm: "HGM mappings",
};

const ORDER: readonly (keyof Capabilities)[] = [
  "pfn",
  "kpageflags",
  "pagemap_scan",
  "procmap_query",
  "hgm",
];

/** One word for each capability. */
export function CapabilityList(props: { readonly capabilities: Capabilities }): JSX.Element {
  return (
    <ul class="capabilities" data-testid="capabilities">
      {ORDER.map((key) => {
        const there = props.capabilities[key];
        return (
          <li key={key} class={there ? "there" : "absent"} data-capability={key}>
            <span aria-hidden="true">{there ? "✓" : "✗"}</span>
            <span class="unseen">{there ? "yes: " : "no: "}</span> {LABELS[key]}
          </li>
        );
      })}
    </ul>
  );
}

/** What is missing; nothing when nothing is. */
export function LimitTable(props: { readonly limits: readonly Limit[] }): JSX.Element | null {
  if (props.limits.length === 0) return null;
  return (
    <div class="table-box">
      <table class="limits" data-testid="limits">
        <thead>
          <tr>
            <th scope="col">missing</th>
            <th scope="col">why</th>
            <th scope="col">what that costs</th>
            <th scope="col">how to get it</th>
          </tr>
        </thead>
        <tbody>
          {props.limits.map((limit) => (
            <tr key={limit.capability}>
              <th scope="row">{labelOf(limit.capability)}</th>
              <td data-label="why">{limit.reason}</td>
              <td data-label="cost">{limit.cost}</td>
              <td data-label="remedy">{limit.remedy ?? NOTHING}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Agents may name limits that are no capability of the list. */
function labelOf(capability: string): string {
  return ORDER.includes(capability as keyof Capabilities)
    ? LABELS[capability as keyof Capabilities]
    : capability;
}
