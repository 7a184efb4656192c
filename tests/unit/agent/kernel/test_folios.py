"""Folio sizes from runs of kpageflags, against a plain walk over all PFNs."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.folios import PMD_ORDER, read_folios
from hugescope_agent.kernel.kpage import KpageFiles
from hugescope_agent.kernel.root import Root
from tests.unit.wire.made_wire import several

HEAD, TAIL, ZERO = 1 << 15, 1 << 16, 1 << 24
PFNS = 4 * 512


def memory(orders: list[int]) -> list[int]:
    """Flags of folios of these orders one after another, each at the next PFN that it may have."""
    flags: list[int] = []
    for order in orders:
        size = 1 << order
        flags += [0] * (-len(flags) % size)
        flags += [0] if order == 0 else [HEAD] + [TAIL] * (size - 1)
    return flags[:PFNS] + [0] * (PFNS - len(flags))


def open_files(directory: Path, flags: list[int]) -> KpageFiles:
    """A root with these flags."""
    proc = directory / "proc"
    proc.mkdir(exist_ok=True)
    for name, words in (("kpageflags", flags), ("kpagecount", [1] * len(flags))):
        (proc / name).write_bytes(np.array(words, np.uint64).tobytes())
    return KpageFiles(Root(str(directory), live=False))


def truth(flags: list[int], pfn: int) -> tuple[int, int]:
    """Order and head of the folio of a PFN."""
    head = pfn
    while flags[head] & TAIL:
        head -= 1
    end = head + 1
    while end < len(flags) and flags[end] & TAIL:
        end += 1
    return (end - head).bit_length() - 1, head


@several
@given(
    orders=st.lists(st.sampled_from([0, 0, 1, 2, 4, 8, 9]), max_size=60),
    pfns=st.lists(st.integers(0, PFNS - 1), min_size=1, max_size=40),
    runs=st.lists(st.tuples(st.integers(0, PFNS - 1), st.integers(1, 600)), max_size=4),
)
def test_every_pfn_gets_the_size_and_head_of_its_folio(
    tmp_path_factory: pytest.TempPathFactory,
    orders: list[int],
    pfns: list[int],
    runs: list[tuple[int, int]],
) -> None:
    flags = memory(orders)
    for first, length in runs:
        pfns = [*pfns, *range(first, min(first + length, PFNS))]
    files = open_files(tmp_path_factory.mktemp("root"), flags)
    found = read_folios(files, np.array(pfns, np.uint64))
    files.close()
    pairs = zip(found.order.tolist(), found.head_pfn.tolist(), strict=True)
    assert list(pairs) == [truth(flags, pfn) for pfn in pfns]


def test_no_pfns(tmp_path: Path) -> None:
    files = open_files(tmp_path, memory([9]))
    found = read_folios(files, np.empty(0, np.uint64))
    assert (len(found.order), len(found.head_pfn), len(found.zero)) == (0, 0, 0)
    files.close()


def test_pages_of_zeros_and_what_is_larger_than_a_pmd(tmp_path: Path) -> None:
    flags = memory([0] * 1024)
    flags[7] = ZERO
    flags[1024:2048] = [HEAD] + [TAIL] * 1023
    files = open_files(tmp_path, flags)
    found = read_folios(files, np.array([7, 8, 1024, 1030, 1600], np.uint64))
    assert found.zero.tolist() == [True, False, False, False, False]
    assert found.order.tolist() == [0, 0, PMD_ORDER, PMD_ORDER, PMD_ORDER]
    files.close()


def test_a_folio_that_is_torn_is_none(tmp_path: Path) -> None:
    """Freed between two reads: a head with tails of no folio's length, tails without a head."""
    flags = [0] * 512
    flags[8:11] = [HEAD, TAIL, TAIL]
    flags[20:22] = [TAIL, TAIL]
    files = open_files(tmp_path, flags)
    found = read_folios(files, np.array([8, 9, 20, 21], np.uint64))
    assert found.order.tolist() == [0, 0, 0, 0]
    files.close()


def test_a_pfn_past_the_end(tmp_path: Path) -> None:
    files = open_files(tmp_path, [0] * 10)
    assert read_folios(files, np.array([9], np.uint64)).order.tolist() == [0]
    with pytest.raises(BadCapture, match="proc/kpageflags"):
        read_folios(files, np.array([9, 10], np.uint64))
    files.close()
