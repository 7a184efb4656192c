/** What changed, in numbers and run by run, and what is not known of it. */
import type { JSX } from "preact";
import { addressOf, cellsText, factsWords, gainWords, momentText } from "../lib/compare";
import { bytes, integer } from "../lib/format";
import { barPaints } from "../lib/legend";
import { stateNumber } from "../lib/parts";
import { theme } from "../state/theme";
import type { Comparison, DiffRun, MappingDiff, StateChange } from "../wire/types";
import type { GoTo } from "./compare-maps";
import { Swatch } from "./composition-bar";
import { usePages } from "./pager";

/** Counts by change of state. */
export function ChangeTable({ mapping }: { readonly mapping: MappingDiff }): JSX.Element {
  const { compared, changed, only_a: onlyA, only_b: onlyB, changes, aspects } = mapping;
  const kept = compared - changed;
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label="counts by change">
      <table data-testid="compare-changes">
        <caption>
          Changed cells by their state, and the bytes mapped of them.
          {aspects.length > 0 && " Differing in "}
          {aspects.map((one) => `${one.aspect.replace("_", " ")} ${integer(one.cells)}`).join(", ")}
          {aspects.length > 0 && "."}
        </caption>
        <thead>
          <tr>
            <th scope="col">in A</th>
            <th scope="col">in B</th>
            {["cells", "mapped in A", "in B", "difference"].map((words) => (
              <th key={words} scope="col" class="number">
                {words}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {changes.map((one) => (
            <ChangeRow key={`${one.from}/${one.to}`} change={one} pageSize={mapping.a.page_size} />
          ))}
          <CountRow words="unchanged" cells={kept} id="same" />
          <CountRow words="only in A: B has no such cell" cells={onlyA} id="only-a" />
          <CountRow words="only in B: A has no such cell" cells={onlyB} id="only-b" />
        </tbody>
      </table>
    </div>
  );
}

function ChangeRow(props: {
  readonly change: StateChange;
  readonly pageSize: number;
}): JSX.Element {
  const { change, pageSize } = props;
  const { from, to, cells, bytes_a: before, bytes_b: after } = change;
  return (
    <tr data-change={`${from}/${to}`} data-cells={cells}>
      <th scope="row">
        <State name={from} pageSize={pageSize} />
      </th>
      <td>
        <State name={to} pageSize={pageSize} />
        {from === to && <span class="muted"> (something else)</span>}
      </td>
      <td class="number">{integer(cells)}</td>
      <td class="number">{bytes(before)}</td>
      <td class="number">{bytes(after)}</td>
      <td class="number">{gainWords(change)}</td>
    </tr>
  );
}

function CountRow(props: {
  readonly words: string;
  readonly cells: number;
  readonly id: string;
}): JSX.Element | null {
  const { words, cells, id } = props;
  if (cells === 0) return null;
  return (
    <tr data-change={id} data-cells={cells}>
      <th scope="row" colSpan={2} class="muted">
        {words}
      </th>
      <td class="number">{integer(cells)}</td>
      <td colSpan={3} />
    </tr>
  );
}

function State(props: {
  readonly name: StateChange["from"];
  readonly pageSize: number;
}): JSX.Element {
  const paint = barPaints(theme.value, props.pageSize)[stateNumber(props.name)];
  return (
    <>
      {paint && <Swatch paint={paint} />} {props.name}
    </>
  );
}

/** What nobody can say of these two. */
export function Unknown({ comparison }: { readonly comparison: Comparison }): JSX.Element {
  return (
    <section class="compare-unknown" aria-labelledby="compare-unknown">
      <h2 id="compare-unknown">What is not known, and what else differs</h2>
      <ul data-testid="compare-unknown">
        {unknownWords(comparison).map((words) => (
          <li key={words}>{words}</li>
        ))}
      </ul>
    </section>
  );
}

/** Line by line. */
export function unknownWords({ document, a, b, lost, ...counts }: Comparison): string[] {
  const lines: string[] = [];
  for (const { since_s: since, until_s: until, why } of lost) {
    lines.push(`Nothing is known from ${momentText(since)} to ${momentText(until)}: ${why}.`);
  }
  for (const [name, { inferred_cells: inferred }] of Object.entries({ A: a, B: b })) {
    if (inferred > 0) lines.push(`${integer(inferred)} cells of ${name} are inferred, not read.`);
  }
  for (const [what, cost] of SIGHTS) {
    const [one, other] = [document.a.capabilities[what], document.b.capabilities[what]];
    if (one === other) continue;
    lines.push(`${one ? "B" : "A"} could not read ${what}: ${cost} may differ for that alone.`);
  }
  for (const mapping of document.mappings.length === 1 ? document.mappings : []) {
    for (const [name, other, cells] of [
      ["A", "B", mapping.only_a],
      ["B", "A", mapping.only_b],
    ] as const) {
      if (cells === 0) continue;
      lines.push(
        `Sizes differ: ${integer(cells)} cells of ${name} have no counterpart in ${other}.`,
      );
    }
    for (const { name, from, to } of mapping.facts) {
      lines.push(`${name.replace("_", " ")}: ${textOf(from)} in A, ${textOf(to)} in B.`);
    }
  }
  if (counts.mapping_total > document.mappings.length) {
    lines.push(`Of ${integer(counts.mapping_total)} pairs of mappings the first are listed.`);
  }
  lines.push(
    "Page frames are not compared: where a page took another’s place in between, nothing tells.",
  );
  return lines;
}

const SIGHTS = [
  ["pfn", "node, mapcount and mappers"],
  ["kpageflags", "mapcount"],
] as const;

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.join(" ");
  return JSON.stringify(value).replace(/["{}]/g, "");
}

interface RunsProps {
  readonly mapping: MappingDiff;
  /** Null: there are no maps to show a run on. */
  readonly goTo: { readonly current: GoTo | null } | null;
}

/** Neighbours that changed alike, as many as were sent, some at a time; another `pageKey` opens the first page. */
export function RunTable(
  props: RunsProps & { readonly pageKey: string; readonly csvUrl: string },
): JSX.Element {
  const { mapping, goTo, csvUrl, pageKey } = props;
  const [shown, pager] = usePages(mapping.runs, pageKey, "runs");
  return (
    <section class="compare-runs" aria-labelledby="compare-runs">
      <header>
        <h2 id="compare-runs">Runs that changed</h2>
        <a href={csvUrl} download data-testid="compare-csv">
          CSV of {integer(mapping.run_total)}
        </a>
      </header>
      <Runs {...{ mapping, goTo, shown }} />
      {pager}
    </section>
  );
}

function Runs(props: RunsProps & { readonly shown: readonly DiffRun[] }): JSX.Element {
  const { mapping, goTo, shown } = props;
  const { a, b, runs, run_total: total } = mapping;
  const before = shown[0] ? runs.indexOf(shown[0]) : 0;
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label="runs, to be scrolled">
      <table data-testid="compare-run-table" aria-rowcount={total + 1}>
        <caption>{captionOf(runs.length, total)}</caption>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col">cells of A</th>
            <th scope="col">address in A</th>
            <th scope="col">address in B</th>
            <th scope="col" class="number">
              size
            </th>
            <th scope="col">in A</th>
            <th scope="col">in B</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((run, row) => (
            <tr key={run.first_a} aria-rowindex={before + row + 2}>
              <th scope="row">
                <RunCells run={run} goTo={goTo} />
              </th>
              <td class="mono">{addressOf(a, run.first_a)}</td>
              <td class="mono">{addressOf(b, run.first_b)}</td>
              <td class="number">{bytes(run.count * a.page_size)}</td>
              <td>{factsWords(run.from, run.to)}</td>
              <td>{factsWords(run.to, run.from)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RunCells({ run, goTo }: Pick<RunsProps, "goTo"> & { readonly run: DiffRun }): JSX.Element {
  const words = cellsText(run.first_a, run.count);
  if (goTo === null) return <>{words}</>;
  return (
    <button
      type="button"
      class="compare-go"
      title="show on the map"
      onClick={() => goTo.current?.(run)}
    >
      {words}
    </button>
  );
}

function captionOf(sent: number, total: number): string {
  if (total === 0) return "No cell that both have differs.";
  const rows = `Neighbours that changed alike: ${integer(total)}.`;
  return sent < total ? `${rows} The first ${integer(sent)} are here, all are in the CSV.` : rows;
}
