/** The hugetlb pools of a host, by page size and node. */
import type { JSX } from "preact";
import { bytes, integer, NOTHING } from "../lib/format";
import type { Pool } from "../wire/types";

const NO_COUNTER = "kernel has no such counter";
const ODD = "negative: shown as the kernel printed it";

/** All pools, the host's before its nodes'. */
export function PoolTable({ pools }: { readonly pools: readonly Pool[] }): JSX.Element {
  if (pools.length === 0) return <p class="muted">This kernel has no hugetlb pools.</p>;
  const sorted = [...pools].sort(
    (a, b) => b.page_size - a.page_size || (a.node ?? -1) - (b.node ?? -1),
  );
  const counts = sorted.flatMap((pool) => [pool.total, pool.free, pool.reserved, pool.surplus]);
  const missing = counts.includes(null);
  const odd = counts.some((count) => count !== null && count < 0);
  return (
    <div class="table-box">
      <table class="pools" data-testid="pools">
        <thead>
          <tr>
            <th scope="col">pool</th>
            <th scope="col">node</th>
            <th scope="col" class="number">
              total
            </th>
            <th scope="col" class="number">
              free
            </th>
            <th scope="col" class="number">
              reserved
            </th>
            <th scope="col" class="number">
              surplus
            </th>
            <th scope="col" class="number">
              size
            </th>
            <th scope="col" class="wide">
              in use
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((pool) => (
            <PoolRow key={`${pool.page_size}/${pool.node ?? "host"}`} pool={pool} />
          ))}
        </tbody>
      </table>
      {missing && (
        <p class="note">
          {NOTHING} {NO_COUNTER}
        </p>
      )}
      {odd && <p class="note note-late">odd: {ODD}, and not computed with</p>}
    </div>
  );
}

function PoolRow({ pool }: { readonly pool: Pool }): JSX.Element {
  const host = pool.node === null;
  return (
    <tr class={host ? "pool-host" : "pool-node"} data-testid="pool">
      <th scope="row">
        <span class={host ? "" : "unseen"}>{bytes(pool.page_size)}</span>
      </th>
      <td>{host ? "all" : integer(pool.node ?? 0)}</td>
      <Counter value={pool.total} />
      <Counter value={pool.free} />
      <Counter value={pool.reserved} />
      <Counter value={pool.surplus} />
      <td class="number muted">
        {pool.total === null || pool.total < 0 ? NOTHING : bytes(pool.total * pool.page_size)}
      </td>
      <td class="wide">
        <UseBar pool={pool} />
      </td>
    </tr>
  );
}

function Counter({ value }: { readonly value: number | null }): JSX.Element {
  if (value === null) {
    return (
      <td class="number muted" title={NO_COUNTER}>
        <span aria-hidden="true">{NOTHING}</span>
        <span class="unseen">{NO_COUNTER}</span>
      </td>
    );
  }
  if (value < 0) {
    return (
      <td class="number odd" title={ODD}>
        {integer(value)} <span class="tag tag-late">odd</span>
      </td>
    );
  }
  return <td class="number">{integer(value)}</td>;
}

/** Used, reserved and free shares; nothing where the counters do not agree with each other. */
function UseBar({ pool }: { readonly pool: Pool }): JSX.Element | null {
  const { total, free } = pool;
  if (total === null || free === null || total <= 0 || free < 0 || free > total) return null;
  const used = total - free;
  const reserved = pool.reserved === null ? null : Math.min(free, Math.max(0, pool.reserved));
  const rest =
    reserved === null
      ? `${integer(free)} free, of which it is not known how many are reserved`
      : `${integer(reserved)} reserved, ${integer(free - reserved)} to spare`;
  const words = `${integer(used)} in use, ${rest}`;
  const share = (count: number): string => `${(100 * count) / total}%`;
  return (
    <span class="bar" role="img" aria-label={words} title={words}>
      {used > 0 && <span class="bar-used" style={{ width: share(used) }} />}
      {reserved !== null && reserved > 0 && (
        <span class="bar-reserved" style={{ width: share(reserved) }} />
      )}
    </span>
  );
}
