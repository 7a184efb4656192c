"""Candidates: sentences about what is known, and none where nothing is missing."""

from __future__ import annotations

from hugescope_agent.model.clues import Clues, candidates
from hugescope_wire.report import ProcessRef

MANY = [ProcessRef(pid=pid, comm="db" if pid > 1 else None) for pid in range(1, 8)]
KERNEL = "a file kept by the kernel alone: in flight in a socket, or held by a driver"


def test_nothing_unattributed_has_no_candidate() -> None:
    assert candidates(0, 3, Clues(unread=MANY)) == []


def test_the_kernel_is_always_one() -> None:
    assert candidates(2, 0, Clues()) == [KERNEL]


def test_more_seen_than_used_has_only_the_tear() -> None:
    assert candidates(-1, 1, Clues(unread=MANY)) == [
        "1 page moved between the readings of counters and of page tables"
    ]
    assert candidates(-1, 0, Clues()) == []


def test_everything_known_is_named() -> None:
    clues = Clues(
        unread=MANY,
        unread_count=9,
        unread_fds=MANY[:1],
        exiting=MANY[1:2],
        pinning=MANY[1:3],
        other_namespaces=1,
        migrating=2,
        flags_unread=True,
    )
    assert candidates(5, 2, clues) == [
        "2 pages moved between the readings of counters and of page tables",
        "mappings of 1, db (2), db (3), db (4), db (5) and 4 more that could not be read",
        "files open in 1 that could not be looked into",
        "memory not yet given back by db (2), on the way out",
        "copies being made of 2 pages under migration",
        "pages pinned for a device or io_uring by db (2), db (3)",
        "files of a hugetlbfs mounted in 1 mount namespace that could not be looked through",
        "poisoned pages, which only kpageflags would tell",
        KERNEL,
    ]


def test_processes_that_are_only_counted() -> None:
    assert candidates(1, 0, Clues(unread_count=1))[0] == (
        "the mapping of 1 process that could not be read"
    )
    assert "mappings of 3 processes" in candidates(1, 0, Clues(unread_count=3))[0]
    assert "2 mount namespaces" in candidates(1, 0, Clues(other_namespaces=2))[0]
