"""Candidates: sentences about what is known, and none where nothing is missing."""

from __future__ import annotations

from hugescope_agent.model.clues import Clues, candidates, notes
from hugescope_wire.account import ProcessRef

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


def test_a_capture_does_not_move() -> None:
    assert candidates(-1, 2, Clues(captured=True)) == [
        "the counters and page tables of this capture differ by 2 pages"
    ]


def test_bounds_are_noted_and_nothing_else() -> None:
    assert notes(0, Clues(unread=MANY)) == []
    (mapped,) = notes(1, Clues())
    assert mapped.startswith("up to 1 page of those mapped may be counted twice")
    (kept,) = notes(0, Clues(unread_fds=MANY[1:2], other_namespaces=2))
    assert kept == (
        "pages kept by a descriptor, a file or a segment are at least so many: files open in "
        "db (2) and files of a hugetlbfs mounted in 2 mount namespaces could not be looked through"
    )


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
        "mappings of process 1, db (2), db (3), db (4), db (5) and 4 more that could not be read",
        "files open in process 1 that could not be looked into",
        "memory not yet given back by db (2), on the way out",
        "copies being made of 2 pages under migration",
        "pages pinned for a device or io_uring by db (2), db (3)",
        "files of a hugetlbfs mounted in 1 mount namespace that could not be looked through",
        "poisoned pages, which only kpageflags would tell",
        KERNEL,
    ]


def test_mappings_that_were_not_captured() -> None:
    clues = Clues(uncaptured=1, uncaptured_bytes=4096)
    what = (
        "pages of 1 mapping of which the capture holds no pagemap entries; smaps counts 4096 bytes "
        "there"
    )
    assert candidates(3, 0, clues) == [what, KERNEL]
    assert notes(0, clues) == [f"pages mapped are at least so many: among the others are {what}"]
    assert "2 mappings" in candidates(3, 0, Clues(uncaptured=2))[0]


def test_processes_that_are_only_counted() -> None:
    assert candidates(1, 0, Clues(unread_count=1))[0] == (
        "the mapping of 1 process that could not be read"
    )
    assert "mappings of 3 processes" in candidates(1, 0, Clues(unread_count=3))[0]
    assert "2 mount namespaces" in candidates(1, 0, Clues(other_namespaces=2))[0]
