"""Pages of shared files that need not be asked for twice in one look."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.seen import SeenPages
from tests.unit.agent.model.made_model import MIB2, huge_vma
from tests.unit.wire.made_wire import several


def head(inode: int, page: int) -> int:
    """A number for each page of each file."""
    return inode * 1000 + page + 1


@given(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 9), st.sets(st.integers(0, 5)))))
@several
def test_what_was_noted_is_known_and_nothing_else(
    looks: list[tuple[int, int, set[int]]],
) -> None:
    """Mappings of two files from any page on, each with some of its six cells read."""
    seen = SeenPages()
    noted: set[tuple[int, int]] = set()
    for inode, offset, cells in looks:
        vma = huge_vma(6, inode=inode, offset=offset * MIB2)
        index = np.array(sorted(cells), np.intp)
        seen.note(vma, index, np.array([head(inode, offset + cell) for cell in sorted(cells)]))
        noted |= {(inode, offset + cell) for cell in cells}
        for other in (1, 2):
            everything = huge_vma(20, inode=other)
            expected = [head(other, at) if (other, at) in noted else 0 for at in range(20)]
            assert seen.of(everything, np.arange(20)).tolist() == expected


def test_a_new_look_knows_nothing() -> None:
    seen = SeenPages()
    vma = huge_vma(1)
    seen.note(vma, np.array([0]), np.array([512], np.uint64))
    seen.forget()
    assert seen.of(vma, np.array([0])).tolist() == [0]


def test_two_ends_of_a_huge_file_cost_no_table_of_its_size() -> None:
    seen = SeenPages()
    near, far = huge_vma(1), huge_vma(1, offset=(1 << 42) * MIB2)
    seen.note(near, np.array([0]), np.array([512], np.uint64))
    seen.note(far, np.array([0]), np.array([1024], np.uint64))
    assert seen.of(near, np.array([0])).tolist() == [512]
    assert seen.of(far, np.array([0])).tolist() == [0]
