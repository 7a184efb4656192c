/** The parts of one page, spread out from runs: at most 512, in rows of 32. */
import { CellState } from "../wire/generated";
import type { PageDetail, PartRun } from "../wire/types";

export const PARTS_A_ROW = 32;
const MOST_PARTS = 512;
/** In place of a `CellState`: the agent said nothing of the part. */
export const UNKNOWN_STATE = 255;

/** What a part is drawn as. */
export interface PageParts {
  readonly count: number;
  readonly partBytes: number;
  /** `CellState` of each part, or `UNKNOWN_STATE`. */
  readonly states: Uint8Array;
  /** 1 where the state is inferred, not observed. */
  readonly inferred: Uint8Array;
}

/** A state's number by its name. */
export function stateNumber(name: PartRun["state"]): number {
  return CellState[name.toUpperCase() as keyof typeof CellState];
}

/** The runs as one entry a part; null where there is nothing inside to tell apart. */
export function pageParts({ parts }: PageDetail): PageParts | null {
  const [first, last] = [parts[0], parts.at(-1)];
  if (first === undefined || last === undefined) return null;
  // Runs of a chunk may count from the page's first entry on.
  const count = Math.min(MOST_PARTS, last.first + last.count - first.first);
  if (count < 2) return null;
  const states = new Uint8Array(count).fill(UNKNOWN_STATE);
  const inferred = new Uint8Array(count);
  for (const run of parts) {
    const from = run.first - first.first;
    states.fill(stateNumber(run.state), from, from + run.count);
    inferred.fill(run.inferred ? 1 : 0, from, from + run.count);
  }
  return { count, partBytes: first.part_bytes, states, inferred };
}

/** A legend's lines: states that occur, `UNKNOWN_STATE` included, with how many parts and how many of them are inferred. */
export function partCounts(
  parts: PageParts,
): { readonly state: number; readonly count: number; readonly inferred: number }[] {
  return [...Object.values(CellState), UNKNOWN_STATE]
    .map((state) => {
      const at = [...parts.states.keys()].filter((part) => parts.states[part] === state);
      const inferred = at.filter((part) => parts.inferred[part] === 1).length;
      return { state, count: at.length, inferred };
    })
    .filter(({ count }) => count > 0);
}
