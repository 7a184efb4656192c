/** Two whole hosts, or processes, beside each other: their mappings in pairs, and their pools. */
import type { ComponentChildren, JSX } from "preact";
import type { CompareSide } from "../lib/compare";
import { address, bytes, integer, NOTHING } from "../lib/format";
import { compareHash } from "../state/compare-route";
import type { ComparedSide, Comparison, MappingDiff, MappingRef } from "../wire/types";

/** Pairs link to where they are compared cell by cell. */
export function HostTables({ comparison }: { readonly comparison: Comparison }): JSX.Element {
  const { document, a, b } = comparison;
  const { mappings, only_a: onlyA, only_b: onlyB, pools } = document;
  return (
    <>
      <Table
        name="pairs"
        caption={`${integer(comparison.mapping_total)} pairs of mappings; those that differ first. Each leads to its cells.`}
        columns={["A", "B", "matched by"]}
        numbers={["compared", "changed", "only A", "only B", "came", "went"]}
      >
        {mappings.map((one) => (
          <PairRow key={`${one.a.pid}/${one.a.start}`} {...{ one, a, b }} />
        ))}
      </Table>
      <Lonely name="only-a" side="A" refs={onlyA} total={comparison.only_a_total} />
      <Lonely name="only-b" side="B" refs={onlyB} total={comparison.only_b_total} />
      {pools !== null && pools.length > 0 && (
        <Table
          name="pools"
          caption="Pools that differ, in pages."
          columns={["page size", "node", "counter"]}
          numbers={["A", "B"]}
        >
          {pools.map(({ page_size: size, node, counter, from, to }) => (
            <tr key={`${size}/${node ?? ""}/${counter}`}>
              <th scope="row">{bytes(size)}</th>
              <td>{node ?? "host"}</td>
              <td>{counter}</td>
              <td class="number">{from === null ? NOTHING : integer(from)}</td>
              <td class="number">{to === null ? NOTHING : integer(to)}</td>
            </tr>
          ))}
        </Table>
      )}
    </>
  );
}

function PairRow(props: {
  readonly one: MappingDiff;
  readonly a: ComparedSide;
  readonly b: ComparedSide;
}): JSX.Element {
  const { one, a, b } = props;
  const counts = [one.compared, one.changed, one.only_a, one.only_b];
  const wish = { a: sideOf(a, one.a), b: sideOf(b, one.b) };
  return (
    <tr data-changed={one.changed}>
      <th scope="row">
        <a href={compareHash(wish)}>{nameOf(one.a)}</a>
      </th>
      <td>{nameOf(one.b)}</td>
      <td>{one.matched_by}</td>
      {counts.map((count, at) => (
        <td key={at} class="number">
          {integer(count)}
        </td>
      ))}
      <td class="number">{bytes(one.came_bytes)}</td>
      <td class="number">{bytes(one.went_bytes)}</td>
    </tr>
  );
}

function sideOf({ host_id: hostId, at_s: atS }: ComparedSide, ref: MappingRef): CompareSide {
  return { hostId, pid: ref.pid, start: ref.start, atS };
}

function nameOf({ comm, pid, start }: MappingRef): string {
  return `${comm ?? "process"} ${pid} at ${address(start)}`;
}

function Lonely(props: {
  readonly name: string;
  readonly side: string;
  readonly refs: readonly MappingRef[];
  readonly total: number;
}): JSX.Element | null {
  const { name, side, refs, total } = props;
  if (total === 0) return null;
  return (
    <Table
      name={name}
      caption={`${integer(total)} mappings are only in ${side}.`}
      columns={["mapping", "backing"]}
      numbers={["cells", "mapped"]}
    >
      {refs.map((ref) => (
        <tr key={`${ref.pid}/${ref.start}`}>
          <th scope="row">{nameOf(ref)}</th>
          <td>
            {ref.backing.kind} {ref.backing.name ?? ""}
          </td>
          <td class="number">{integer(ref.cells)}</td>
          <td class="number">{bytes(ref.mapped_bytes)}</td>
        </tr>
      ))}
    </Table>
  );
}

function Table(props: {
  readonly name: string;
  readonly caption: string;
  readonly columns: readonly string[];
  readonly numbers: readonly string[];
  readonly children: ComponentChildren;
}): JSX.Element {
  const { name, caption, columns, numbers, children } = props;
  return (
    <div class="table-box" tabIndex={0} role="region" aria-label={caption}>
      <table data-testid={`compare-${name}`}>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((words) => (
              <th key={words} scope="col">
                {words}
              </th>
            ))}
            {numbers.map((words) => (
              <th key={words} scope="col" class="number">
                {words}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
