/** The phases of a migration on a line of time, and what told of each. */
import type { JSX } from "preact";
import { integer } from "../lib/format";
import type { Migrating } from "../state/migration";
import { ended } from "../state/migration";
import { PHASE_WORDS, phaseTone, spanWords } from "../state/migration-words";
import type { MigrationState, PhaseSpan } from "../wire/types";

/** A line as long as all phases, and a list of them. */
export function MigrationPhases(props: {
  readonly migrating: Migrating;
  readonly state: MigrationState;
  readonly nowMs: number;
}): JSX.Element | null {
  const { migrating, state, nowMs } = props;
  const { phases } = state;
  const [first] = phases;
  if (first === undefined) return null;
  const nowS = migrating.serverS(nowMs);
  const spans = phases.map((span) => ({ span, forS: durationOf(span, nowS, ended(state)) }));
  return (
    <div class="mig-phases" data-testid="phases">
      <div class="mig-line" aria-hidden="true">
        {spans.map(({ span, forS }) => (
          <span
            key={span.phase}
            class={`mig-in-${span.phase}`}
            style={{ flexGrow: forS ?? 0 }}
            title={PHASE_WORDS[span.phase]}
          />
        ))}
      </div>
      <ol>
        {spans.map(({ span, forS }) => (
          <Phase
            key={span.phase}
            {...{ span, forS }}
            agoS={span.began_s - first.began_s}
            now={span === phases.at(-1)}
          />
        ))}
      </ol>
    </div>
  );
}

/** Seconds that a phase lasted, or lasts; null: an end has no length. */
function durationOf(span: PhaseSpan, nowS: number | null, over: boolean): number | null {
  if (span.ended_s !== null) return Math.max(0, span.ended_s - span.began_s);
  return over || nowS === null ? null : Math.max(0, nowS - span.began_s);
}

function Phase(props: {
  readonly span: PhaseSpan;
  readonly forS: number | null;
  readonly agoS: number;
  readonly now: boolean;
}): JSX.Element {
  const { span, forS, agoS, now } = props;
  return (
    <li
      class={`tone-${now ? phaseTone(span.phase) : "past"}`}
      data-phase={span.phase}
      data-evidence={span.evidence}
      aria-current={now ? "step" : undefined}
    >
      <span class={`mig-phase-swatch mig-in-${span.phase}`} aria-hidden="true" />
      <b>{PHASE_WORDS[span.phase]}</b> {forS !== null && <span>{spanWords(forS)}</span>}
      <span class="muted">
        <time dateTime={new Date(span.began_s * 1000).toISOString()}>{clock(span.began_s)}</time>, +
        {agoS < 100 ? agoS.toFixed(1) : integer(Math.round(agoS))} s
      </span>
      <span class="muted">
        <span class="tag">{span.evidence === "qmp" ? "QEMU says" : "seen"}</span> {span.words}
      </span>
    </li>
  );
}

/** "13:04:05.2" in the time zone of who looks. */
function clock(atS: number): string {
  const at = new Date(Math.round(atS * 10) * 100);
  const two = (value: number): string => String(value).padStart(2, "0");
  const tenths = Math.floor(at.getMilliseconds() / 100);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${tenths}`;
}
