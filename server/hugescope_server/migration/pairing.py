"""Which two processes are the ends of one migration: by themselves, or as a viewer says.

Rather no pair than a wrong one. Two processes are paired only when they are the same VM (by UUID,
or by name where one has no UUID), their RAM is of the same blocks, and there is a reason that one
of them takes pages in. A process is an end of one migration at a time, and of two that could be it
equally well none is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from hugescope_server.migration.end import End
from hugescope_wire.migration import PairReason

MOST_ALIKE: Final = 64
"""More processes that say that they are the same VM are no pair."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two ends, and why they are."""

    source: End
    destination: End
    reasons: tuple[PairReason, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """A migration that is over; `done`: the destination has the guest now."""

    source: End
    destination: End
    done: bool


def find_pairs(ends: Iterable[End], past: Collection[Past]) -> list[Pair]:
    """Those of `ends` that are paired; pass only those that are free."""
    alike: dict[str, list[End]] = defaultdict(list)
    for end in ends:
        if not end.gone:
            if end.uuid is not None:
                alike[f"uuid {end.uuid}"].append(end)
            if end.vm_name is not None:
                alike[f"name {end.vm_name}"].append(end)
    found: dict[tuple[int, int], tuple[tuple[int, int], Pair]] = {}
    for some in alike.values():
        if len(some) > MOST_ALIKE:
            continue
        for source in some:
            for destination in some:
                pair = _pair(source, destination, past) if source is not destination else None
                if pair is not None:
                    found[id(source), id(destination)] = (_claim(pair), pair)
    return _unequalled([one for _, one in sorted(found.items())])


def reasons_to_receive(end: End) -> list[PairReason]:
    """Why this process takes pages in; empty: nothing tells that it does."""
    reasons: list[PairReason] = []
    if end.incoming:
        reasons.append("incoming")
    if end.registered:
        reasons.append("userfaultfd")
    if 2 * end.first_present < end.ram.count and end.presence.present > end.first_present:
        reasons.append("filling")
    return reasons


def by_hand(source: End, destination: End) -> Pair:
    """As a viewer says; the reasons that are seen beside it."""
    reasons: list[PairReason] = ["hand"]
    if source.uuid is not None and source.uuid == destination.uuid:
        reasons.append("uuid")
    if source.vm_name is not None and source.vm_name == destination.vm_name:
        reasons.append("name")
    if source.ram.names == destination.ram.names:
        reasons.append("ram")
    return Pair(source, destination, (*reasons, *reasons_to_receive(destination)))


def same_ram(source: End, destination: End) -> bool:
    """Whether both have the same blocks of RAM, in the same order."""
    mine, other = source.ram, destination.ram
    return mine.shape == other.shape and mine.names == other.names


def _pair(source: End, destination: End, past: Collection[Past]) -> Pair | None:
    same = _same_vm(source, destination)
    if not same or not same_ram(source, destination):
        return None
    reasons = reasons_to_receive(destination)
    if not _receives(destination, reasons) or source.registered:
        return None
    for one in past:
        if {source, destination} == {one.source, one.destination}:
            return None
        if one.destination is destination or (one.done and one.source is source):
            return None
    if not _has_guest(source, destination, past):
        return None
    return Pair(source, destination, (*same, "ram", *reasons))


def _receives(end: End, reasons: Collection[PairReason]) -> bool:
    """Whether the reasons are enough. A VM that fills is one that boots, unless nothing is known of
    its command line: no QEMU takes a migration in that was not started for it.
    """
    if "incoming" in reasons or "userfaultfd" in reasons:
        return True
    return end.process.vm is None and "filling" in reasons


def _same_vm(one: End, other: End) -> list[PairReason]:
    reasons: list[PairReason] = []
    if one.uuid is not None and other.uuid is not None:
        if one.uuid != other.uuid:
            return []
        reasons.append("uuid")
    if one.vm_name is not None and one.vm_name == other.vm_name:
        reasons.append("name")
    return reasons


def _has_guest(source: End, destination: End, past: Collection[Past]) -> bool:
    """A process that was itself started to take a migration in has a guest if it was seen to take
    one, or if it has most of its memory and the other was there later and had little.
    """
    if not source.incoming or any(one.done and one.destination is source for one in past):
        return True
    has_most = 2 * source.presence.present > source.ram.count
    had_little = 2 * destination.first_present < destination.ram.count
    return has_most and had_little and source.first_s < destination.first_s


def _claim(pair: Pair) -> tuple[int, int]:
    """How well a pair is founded: who they are, then what is seen."""
    reasons = pair.reasons
    active = ("userfaultfd" in reasons) + ("filling" in reasons)
    return int("uuid" in reasons), active


def _unequalled(claims: list[tuple[tuple[int, int], Pair]]) -> list[Pair]:
    """The pairs that no other pair with one of their ends equals."""
    by_end: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for claim, pair in claims:
        by_end[id(pair.source)].append(claim)
        by_end[id(pair.destination)].append(claim)
    best = {end: max(some) for end, some in by_end.items()}
    alone = {end for end, some in by_end.items() if some.count(best[end]) == 1}
    return [
        pair
        for claim, pair in claims
        if all(
            end in alone and best[end] == claim for end in (id(pair.source), id(pair.destination))
        )
    ]
