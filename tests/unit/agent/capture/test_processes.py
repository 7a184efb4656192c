"""Ranges that tell a poisoned page from one that is migrating."""

from types import SimpleNamespace
from typing import cast

import numpy as np

from hugescope_agent.capture.processes import ProcessReader, marked
from hugescope_agent.kernel.captured_scan import FRESH
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.pagemap import Pagemap
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.reader import MIGRATION_S

MIB2 = 2 << 20
GIB = 1 << 30


def vma(start: int, end: int, page_size: int) -> HugeVma:
    return HugeVma(start, end, page_size, True, 0, (0, 15), 3, "/memfd:x (deleted)")


def test_lost_pages_stand_alone_and_new_ones_are_marked() -> None:
    vmas = [vma(0, 8 * MIB2, MIB2), vma(GIB, 3 * GIB, GIB)]
    ranges = np.array(
        [(0, MIB2, 0x4E), (MIB2, 4 * MIB2, 0x52), (5 * MIB2, 6 * MIB2, 0x50), (GIB, 3 * GIB, 0x52)],
        np.uint64,
    )
    assert marked(ranges, vmas, {2 * MIB2, 2 * GIB}).tolist() == [
        [0, MIB2, 0x4E],
        [MIB2, 2 * MIB2, 0x52 | FRESH],
        [2 * MIB2, 3 * MIB2, 0x52],
        [3 * MIB2, 4 * MIB2, 0x52 | FRESH],
        [5 * MIB2, 6 * MIB2, 0x50],
        [GIB, 2 * GIB, 0x52 | FRESH],
        [2 * GIB, 3 * GIB, 0x52],
    ]
    assert marked(ranges[:0], vmas, set()).shape == (0, 3)


class FakePagemap:
    """Gives one answer after the other."""

    def __init__(self, *answers: list[tuple[int, int, int]]) -> None:
        self.answers = list(answers)

    def scan(self, _scanner: object, start: int, end: int) -> bytes:
        assert (start, end) == (0, 8 * MIB2)
        return np.array(self.answers.pop(0), np.uint64).tobytes()


def scanned(*answers: list[tuple[int, int, int]]) -> tuple[list[list[int]], list[float]]:
    """The ranges that are kept, and for how long was waited."""
    waited: list[float] = []
    files = SimpleNamespace(root=None, scanner=object())
    reader = ProcessReader(cast("HostFiles", files), waited.append)
    pagemap = FakePagemap(*answers)
    ranges = reader._scans(cast("Pagemap", pagemap), [vma(0, 8 * MIB2, MIB2)])
    assert ranges is not None
    assert not pagemap.answers
    return ranges.tolist(), waited


def test_who_waits_for_nothing_looks_once() -> None:
    assert scanned([(0, MIB2, 0x4E)]) == ([[0, MIB2, 0x4E]], [])


def test_a_lost_page_is_looked_at_again_after_a_migration_would_be_over() -> None:
    first = [(0, 2 * MIB2, 0x52)]
    second = [(0, MIB2, 0x4E), (MIB2, 3 * MIB2, 0x52)]
    ranges, waited = scanned(first, second)
    assert ranges == [
        [0, MIB2, 0x4E],
        [MIB2, 2 * MIB2, 0x52],
        [2 * MIB2, 3 * MIB2, 0x52 | FRESH],
    ]
    assert waited == [MIGRATION_S]
