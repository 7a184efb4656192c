"""The phases of one run, from what was seen and what QEMU says.

A pure function of both, asked again whenever either changes: what QEMU says comes later than what
is seen, and then it takes its place. All times are seconds since 1970 on the server's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from hugescope_server.migration.told import Told
from hugescope_wire.migration import Evidence, Phase, PhaseSpan

SETTLE_S: Final = 1.5
"""An end that left is believed to have failed after so long: that the other has all it needs is
seen about a second later than that a process ended."""

TOGETHER_S: Final = 1.0
"""Ends that leave within so long of each other left together."""

ENDED: Final[frozenset[Phase]] = frozenset(("done", "failed", "cancelled"))


@dataclass(frozen=True, slots=True)
class Seen:
    """When what page tables and processes show was seen; None: not yet.

    Attributes:
        began: the run.
        had_most: the destination had most of its pages then.
        filling: the first page came while the destination's guest did not run.
        switch: its memory was registered with userfaultfd, or pages that had come were punched.
        switch_words: which of the two.
        receiving: pages come for a guest that runs.
        complete: the last page came, in the post-copy.
        unregistered: no memory is registered any more.
        full: every page is there now.
        source_gone, destination_gone: the process ended.
    """

    began: float
    filling: float | None = None
    switch: float | None = None
    switch_words: str = ""
    receiving: float | None = None
    complete: float | None = None
    unregistered: float | None = None
    full: bool = False
    source_gone: float | None = None
    destination_gone: float | None = None
    had_most: bool = False


@dataclass(frozen=True, slots=True)
class _Begin:
    phase: Phase
    at_s: float
    evidence: Evidence
    words: str


def phases(seen: Seen, told: Told, now_s: float) -> list[PhaseSpan]:
    """In order of time, the last one lasting; `ended_s` of each is when the next began."""
    begins = [_Begin("waiting", seen.began, "seen", _waiting_words(seen))]
    for begin in (_precopy(seen, told), _switchover(seen, told), _postcopy(seen, told)):
        if begin is not None:
            _add(begins, begin)
    end = _end_told(told) or _end_seen(seen, begins[-1].phase, now_s)
    if end is not None:
        _add(begins, end)
    ends = [*(begin.at_s for begin in begins[1:]), None]
    return [
        PhaseSpan(
            phase=begin.phase,
            began_s=begin.at_s,
            ended_s=ended_s,
            evidence=begin.evidence,
            words=begin.words,
        )
        for begin, ended_s in zip(begins, ends, strict=True)
    ]


def _add(begins: list[_Begin], begin: _Begin) -> None:
    """No phase begins before the one that it follows: of the two, QEMU's time holds. A wait that
    was over before anybody looked is none.
    """
    last = begins[-1]
    if last.phase == "waiting" and begin.at_s <= last.at_s:
        if begin.at_s < last.at_s or begin.phase not in ENDED:
            begins.pop()
    elif begin.at_s < last.at_s:
        floor_s = begins[-2].at_s if len(begins) > 1 else begin.at_s
        if begin.evidence == "qmp" and last.evidence == "seen" and floor_s <= begin.at_s:
            begins[-1] = replace(last, at_s=begin.at_s)
        else:
            begin = replace(begin, at_s=last.at_s)
    begins.append(begin)


def _waiting_words(seen: Seen) -> str:
    words = "both ends are there, and no page came since"
    if not seen.had_most:
        return words
    return f"{words}; the destination had most already: preallocated, or a migration that is over"


def _precopy(seen: Seen, told: Told) -> _Begin | None:
    if told.active is not None:
        return _Begin("precopy", told.active, "qmp", "QEMU's migration is active")
    if seen.filling is not None:
        return _Begin("precopy", seen.filling, "seen", "the destination's memory fills")
    return None


def _switchover(seen: Seen, told: Told) -> _Begin | None:
    if told.stopped is not None:
        return _Begin("switchover", told.stopped, "qmp", "QEMU stopped the source's guest")
    if seen.switch is not None:
        return _Begin("switchover", seen.switch, "seen", seen.switch_words)
    return None


def _postcopy(seen: Seen, told: Told) -> _Begin | None:
    if told.postcopy is not None:
        return _Begin("postcopy", told.postcopy, "qmp", "QEMU's post-copy is active")
    if seen.receiving is not None:
        words = "pages come to memory that is registered with userfaultfd"
        return _Begin("postcopy", seen.receiving, "seen", words)
    return None


def _end_told(told: Told) -> _Begin | None:
    if told.cancelled is not None:
        return _Begin("cancelled", told.cancelled, "qmp", "QEMU says that it was cancelled")
    if told.completed is not None and (told.failed is None or told.completed <= told.failed):
        return _Begin("done", told.completed, "qmp", "QEMU says that it is completed")
    if told.failed is not None:
        words = "QEMU says that it failed" + (f": {told.error}" if told.error else "")
        return _Begin("failed", told.failed, "qmp", words)
    return None


def _end_seen(seen: Seen, phase: Phase, now_s: float) -> _Begin | None:
    ends = [one for one in (seen.source_gone, seen.destination_gone) if one is not None]
    first_gone = min(ends, default=None)
    done = _done(seen)
    if done is not None and (first_gone is None or done.at_s <= first_gone + SETTLE_S):
        return done
    if first_gone is None:
        return None
    if len(ends) > 1 and max(ends) - first_gone <= TOGETHER_S:
        return _Begin("failed", first_gone, "seen", "both ends ended before it was done")
    if first_gone == seen.destination_gone:
        return _destination_gone(first_gone, phase)
    if now_s - first_gone < SETTLE_S and seen.destination_gone is None:
        return None
    if phase == "precopy" and seen.full and seen.destination_gone is None:
        words = "the source ended, and every page is at the destination"
        return _Begin("done", first_gone, "seen", words)
    what = "before it was done" if phase in ("switchover", "postcopy") else "before the switch-over"
    return _Begin("failed", first_gone, "seen", f"the source ended {what}")


def _done(seen: Seen) -> _Begin | None:
    if seen.complete is not None:
        return _Begin("done", seen.complete, "seen", "the last page came")
    if seen.unregistered is not None:
        words = "the destination's memory is not registered with userfaultfd any more"
        return _Begin("done", seen.unregistered, "seen", words)
    return None


def _destination_gone(at_s: float, phase: Phase) -> _Begin:
    if phase in ("switchover", "postcopy"):
        return _Begin("failed", at_s, "seen", "the destination ended before it was done")
    words = "the destination ended before the switch-over, the source did not: cancelled, or failed"
    return _Begin("cancelled", at_s, "seen", words)
