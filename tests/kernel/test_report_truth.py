"""Accounts, reservations and findings on the real kernel: exactly what was set up, and no more.

The machine may hold huge pages of its own, so each case is looked at before, while it stands and
after: what the report says then and did not say before is the case's. Where the look after differs
from the one before, somebody else moved pages meanwhile, and the case is set up again.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.kernel import cases, snapshot_command
from tests.kernel.cases import GIB, MIB2, extra_pages

pytestmark = pytest.mark.kernel

HELD = Path(__file__).with_name("held_process.py")
LOOKS = 10


def look() -> dict[str, Any]:
    """One look in which no page moved."""
    for _ in range(LOOKS):
        found = snapshot_command.snapshot()
        if not any(account["torn"] for account in found["report"]["accounts"]):
            return found
    pytest.fail("pages of an idle machine did not stand still")


def account(report_: dict[str, Any], page_size: int = MIB2) -> dict[str, Any]:
    """The host's account of one page size, with the parts of `held` beside the others."""
    (found,) = [
        account
        for account in report_["accounts"]
        if account["node"] is None and account["page_size"] == page_size
    ]
    return {**found, **found["held"]}


PARTS = ("free", "mapped", "fd", "hugetlbfs", "sysv", "mapping", "poisoned", "unattributed")


def change(before: dict[str, Any], after: dict[str, Any]) -> dict[str, int]:
    """By how much each part of an account grew; parts that did not are left out."""
    grown = {part: after[part] - before[part] for part in ("total", "reserved", *PARTS)}
    return {part: by for part, by in grown.items() if by}


@dataclass(frozen=True)
class Expected:
    """What a case adds to the account of `page_size`, and the findings that it makes, by code."""

    parts: dict[str, int]
    findings: Counter[str]
    page_size: int = MIB2
    pids: int = 1


@dataclass
class Shown:
    """A case and the report before and after it was set up."""

    before: dict[str, Any]
    after: dict[str, Any]
    cells: dict[tuple[int, int], int]
    expected: Expected
    new: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        old = {finding["key"] for finding in self.before["findings"]}
        self.new = [f for f in self.after["findings"] if f["key"] not in old]


def same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether two reports tell of the same pages and findings."""
    keys = [sorted(finding["key"] for finding in one["findings"]) for one in (before, after)]
    sizes = {one["page_size"] for one in before["accounts"]}
    moved = [change(account(before, size), account(after, size)) for size in sizes]
    return keys[0] == keys[1] and not any(moved)


def cells_of(shown: dict[str, Any]) -> dict[tuple[int, int], int]:
    """Cells by pid and start of the mapping."""
    return {
        (process["pid"], mapping["start"]): sum(run["count"] for run in mapping["runs"])
        for process in shown["processes"]
        for mapping in process["mappings"]
    }


@contextmanager
def held(name: str, pages: int, *arguments: str) -> Iterator[cases.Case]:
    """A case of held_process.py, with `pages` more in the pool."""
    with extra_pages(MIB2, pages), cases.running(name, *arguments, script=HELD) as case:
        yield case


@contextmanager
def open_file() -> Iterator[cases.Case]:
    """A hugetlbfs file that one process has open."""
    with ExitStack() as stack:
        stack.enter_context(extra_pages(MIB2, 2))
        directory = stack.enter_context(cases.mounted_hugetlbfs(MIB2))
        path = str(directory / "open.img")
        yield stack.enter_context(cases.running("open_file", path, script=HELD))


@contextmanager
def leaked_file() -> Iterator[cases.Case]:
    """A hugetlbfs file of 3 pages that nobody has open."""
    with extra_pages(MIB2, 3), cases.mounted_hugetlbfs(MIB2) as directory:
        fd = os.open(directory / "leaked.img", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            os.ftruncate(fd, 3 * MIB2)
            os.posix_fallocate(fd, 0, 3 * MIB2)
        finally:
            os.close(fd)
        yield cases.Case("leaked_file", ())


@contextmanager
def detached_segment() -> Iterator[cases.Case]:
    """A SysV segment of 4 pages, 2 of them there, that nobody has attached."""
    with extra_pages(MIB2, 4), cases.detached_sysv_segment(4, touched=2):
        yield cases.Case("detached_segment", ())


def expect(parts: dict[str, int], *codes: str, page_size: int = MIB2) -> Expected:
    """Parts and finding codes of a case."""
    return Expected(parts, Counter(codes), page_size)


Setup = Callable[[], AbstractContextManager[cases.Case]]
CASES: dict[str, tuple[Setup, Expected]] = {
    "fd_only": (
        lambda: held("fd_only", 5),
        expect({"total": 5, "free": 2, "fd": 3}, "fd-held-pages"),
    ),
    "open_file": (
        open_file,
        expect({"total": 2, "hugetlbfs": 2}, "fd-held-pages"),
    ),
    "leaked_file": (leaked_file, expect({"total": 3, "hugetlbfs": 3}, "leaked-file")),
    "detached_segment": (
        detached_segment,
        expect(
            {"total": 4, "free": 2, "reserved": 2, "sysv": 2},
            "detached-segment",
            "unused-reservation",
        ),
    ),
    "reserved_untouched": (
        lambda: held("reserved_untouched", 9),
        expect(
            {"total": 9, "free": 8, "reserved": 8, "mapped": 1},
            "unused-reservation",
            "unused-reservation",
        ),
    ),
    "noreserve": (
        lambda: held("noreserve", 2),
        expect({"total": 2, "mapped": 2}, "sigbus-risk"),
    ),
    "table_and_twin": (
        lambda: held("table_and_twin", 3),
        expect({"total": 3, "mapped": 3}, "shared-table", "sigbus-risk"),
    ),
    "uffd_missing": (
        lambda: held("uffd_missing", 4),
        expect(
            {"total": 4, "free": 3, "reserved": 3, "mapped": 1},
            "userfaultfd-registered",
            "unused-reservation",
        ),
    ),
    "uffd_minor": (
        lambda: held("uffd_minor", 2),
        # The file's pages wait for UFFDIO_CONTINUE: nobody has to give them back.
        expect({"total": 2, "fd": 2}, "userfaultfd-registered"),
    ),
    "uffd_waiting": (
        lambda: held("uffd_waiting", 2),
        expect(
            {"total": 2, "free": 2, "reserved": 2},
            "userfaultfd-registered",
            "userfaultfd-stalled",
            "unused-reservation",
        ),
    ),
    "uffd_wp": (
        cases.uffd_marker,
        expect(
            {"total": 4, "free": 2, "reserved": 2, "mapped": 2},
            "userfaultfd-registered",
            "unused-reservation",
        ),
    ),
    "alias": (
        cases.aliased_memfd,
        expect(
            {"total": 8, "free": 2, "reserved": 2, "mapped": 6},
            "mapcount-differs",
            "unused-reservation",
        ),
    ),
    # The child may touch one page more, which is reserved for its parent only.
    "fork_and_copy_on_write": (
        cases.forked_private,
        expect(
            {"total": 14, "free": 3, "reserved": 3, "mapped": 11},
            "unused-reservation",
            "unused-reservation",
            "sigbus-risk",
        ),
    ),
    "file_shared_and_private": (
        cases.hugetlbfs_file,
        expect(
            {"total": 10, "free": 7, "reserved": 4, "mapped": 3},
            "unused-reservation",
            "unused-reservation",
            # The private mapping shows a page of the file that the shared one shows too.
            "mapcount-differs",
        ),
    ),
    "attached_segment": (
        cases.sysv_segment,
        expect({"total": 4, "free": 2, "reserved": 2, "mapped": 2}, "unused-reservation"),
    ),
    "alternating": (
        cases.alternating_memfd,
        expect(
            {"total": 68, "free": 36, "reserved": 36, "mapped": 32},
            "unused-reservation",
            "unused-reservation",
        ),
    ),
    "one_gib_page": (
        cases.one_gib_page,
        expect({"total": 1, "mapped": 1}, "sigbus-risk", page_size=GIB),
    ),
}


@pytest.fixture(scope="module", params=list(CASES))
def shown(request: pytest.FixtureRequest) -> Shown:
    """Each case in turn, looked at before, while it stands, and after."""
    set_up, expected = CASES[request.param]
    for _ in range(LOOKS):
        before = look()["report"]
        with set_up():
            standing = look()
        if same(before, look()["report"]):
            return Shown(before, standing["report"], cells_of(standing), expected)
    pytest.fail("others moved pages all the time")


def test_every_part_is_what_was_set_up(shown: Shown) -> None:
    size = shown.expected.page_size
    grown = change(account(shown.before, size), account(shown.after, size))
    assert grown == shown.expected.parts


def test_the_account_closes(shown: Shown) -> None:
    for page_size in {MIB2, shown.expected.page_size}:
        found = account(shown.after, page_size)
        assert found["total"] == sum(found[part] for part in PARTS)
        assert found["unattributed"] == 0
        assert sum(group["pages"] for group in found["mapped_by"]) == found["mapped"]


def test_reservations_have_owners(shown: Shown) -> None:
    for reserved in shown.after["reservations"]:
        owned = sum(owner["pages"] for owner in reserved["owners"])
        assert reserved["unattributed"] == 0
        assert owned == reserved["reserved"]


def test_findings_are_what_was_set_up_and_no_more(shown: Shown) -> None:
    assert Counter(f["code"] for f in shown.new) == shown.expected.findings, shown.new


def test_findings_lead_to_cells_that_are_there(shown: Shown) -> None:
    for finding in shown.new:
        for link in finding["links"]:
            assert link["first"] + link["count"] <= shown.cells[link["pid"], link["start"]]
