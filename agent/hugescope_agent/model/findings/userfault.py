"""userfaultfd-registered and userfaultfd-stalled: faults that a program has to answer."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from hugescope_agent.model.findings import links, words
from hugescope_agent.model.findings.facts import Facts, Place
from hugescope_wire.findings import Evidence, Finding
from hugescope_wire.report import UffdHolder, UffdWaiter

STALLED_S: Final = 1.0
"""A post-copy over a network answers in milliseconds, and with 1 GiB pages in up to seconds; below
a second, waiting is its work.
"""

_FLAGS: Final = {"um": "missing", "uw": "wp", "ui": "minor"}
"""VmFlags of registered mappings, by mode."""


def find_registered(facts: Facts) -> list[Finding]:
    """One finding a process."""
    found: dict[int, list[tuple[Place, list[str]]]] = defaultdict(list)
    for key, place in facts.places.items():
        flags = place.info.vm_flags or []
        report = facts.reports.get(key)
        modes: list[str] = [] if report is None else [*report.uffd]
        modes = modes or [_FLAGS[flag] for flag in flags if flag in _FLAGS]
        if modes:
            found[key[0]].append((place, modes))
    return [_registered(facts, pid, places) for pid, places in sorted(found.items())]


def _registered(facts: Facts, pid: int, places: list[tuple[Place, list[str]]]) -> Finding:
    total = sum(place.info.end - place.info.start for place, _ in places)
    modes = words.listing(sorted({mode for _, of in places for mode in of}))
    return Finding(
        key=f"userfaultfd-registered:{pid}",
        code="userfaultfd-registered",
        severity="info",
        what=f"{facts.who(pid)} has {words.size(total)} in "
        f"{words.counted(len(places), 'mapping')} registered with userfaultfd ({modes}).",
        why="A fault there waits until another thread or process answers it, as during post-copy "
        "live migration.",
        advice="Nothing needs to be done; if no migration or snapshot is under way, ask why it is "
        "still registered.",
        evidence=[
            *(
                Evidence(
                    name=f"mapping at {words.address(place.info.start)}",
                    value=", ".join(of),
                    source=f"/proc/{pid}/smaps (VmFlags)",
                )
                for place, of in places
            ),
            *(_open(facts, holder) for holder in facts.report.uffd_holders if holder.pid == pid),
        ],
        links=[links.to_mapping(pid, place.info.start) for place, _ in places],
        pids=[pid],
    )


def find_stalled(facts: Facts) -> list[Finding]:
    """One finding a process that waits without progress; where nothing is known of waiting
    threads, one an userfaultfd with faults that nobody has read.

    After a single look neither is known to last, and the finding is a notice that says so.
    """
    waiters, holders = facts.report.uffd_waiters, facts.report.uffd_holders
    stuck = [w for w in waiters if w.stalled_s is not None and w.stalled_s >= STALLED_S]
    if stuck:
        return [_stalled(facts, waiter) for waiter in stuck]
    if any(waiter.stalled_s is not None for waiter in waiters):
        return []
    return [_unanswered(facts, holder) for holder in holders if holder.pending]


def _stalled(facts: Facts, waiter: UffdWaiter) -> Finding:
    verb = "waits" if waiter.threads == 1 else "wait"
    mappings = [
        mapping for mapping in facts.report.mappings if mapping.pid == waiter.pid and mapping.uffd
    ]
    pids = {waiter.pid, *(holder.pid for holder in facts.report.uffd_holders if holder.total)}
    return Finding(
        key=f"userfaultfd-stalled:{waiter.pid}",
        code="userfaultfd-stalled",
        severity="warning",
        what=f"{words.counted(waiter.threads, 'thread')} of "
        f"{facts.who(waiter)} {verb} for a "
        f"userfaultfd, for {waiter.stalled_s or 0:.1f} s or more without progress.",
        why="A thread that waits does nothing else; of a virtual machine that is a CPU that stands "
        "still.",
        advice="See whether the program that answers the faults still runs, and whether its "
        "source sends.",
        command=f"grep -H . /proc/{waiter.pid}/task/*/wchan",
        evidence=[
            Evidence(
                name="threads in handle_userfault",
                value=str(waiter.threads),
                source=f"/proc/{waiter.pid}/task/*/wchan",
            ),
            *(_open(facts, holder) for holder in facts.report.uffd_holders if holder.total),
        ],
        links=[links.to_mapping(mapping.pid, mapping.start) for mapping in mappings],
        pids=sorted(pids),
    )


def _unanswered(facts: Facts, holder: UffdHolder) -> Finding:
    count = holder.pending or 0
    verb = "was" if count == 1 else "were"
    return Finding(
        key=f"userfaultfd-stalled:{holder.pid}:fd{holder.fd}",
        code="userfaultfd-stalled",
        severity="notice",
        what=f"{words.counted(count, 'fault')} that {facts.who(holder)} gets by "
        f"{_descriptor(holder)} {verb} not read when this look was taken.",
        why="The threads that faulted wait until they are answered; one look cannot tell whether "
        "that takes a moment or for ever.",
        advice="Look again: if the number does not fall, see whether the program still runs.",
        command=None if holder.fd is None else f"cat /proc/{holder.pid}/fdinfo/{holder.fd}",
        evidence=[_open(facts, holder)],
        pids=[holder.pid],
    )


def _descriptor(holder: UffdHolder) -> str:
    return "userfaultfd" if holder.fd is None else f"userfaultfd {holder.fd}"


def _open(facts: Facts, holder: UffdHolder) -> Evidence:
    pending, total = (
        "unknown" if count is None else str(count) for count in (holder.pending, holder.total)
    )
    return Evidence(
        name=f"{_descriptor(holder)} of {facts.who(holder)}",
        value=f"{pending} faults not read, {total} waiting in all",
        source=None if holder.fd is None else f"/proc/{holder.pid}/fdinfo/{holder.fd}",
    )
