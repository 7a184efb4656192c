"""Which mappings are looked at for THP, what sums alone tell, and what is reported."""

import numpy as np
import pytest

from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.thp import (
    ThpMapping,
    has_whole_cell,
    is_wanted,
    pmd_bytes,
    settle_full,
    settle_unread,
    thp_facts,
)
from hugescope_wire.cells import CellFlag, CellState

MIB2 = 2 << 20
START = 0x7E0000000000


def vma(start: int = START, end: int = START + 4 * MIB2, path: str = "", inode: int = 0) -> HugeVma:
    return HugeVma(start, end, MIB2, False, 0, (0, 0), inode, path, "thp")


def smaps(
    of: HugeVma | None = None,
    flags: str = "rd wr",
    rss: int | None = 4096,
    huge: int | None = 0,
    eligible: bool | None = None,
) -> SmapsVma:
    none = (None, None, None)
    words = tuple(flags.split())
    return SmapsVma(of or vma(), words, *none, rss, rss, huge, 0, None, 0, eligible)


TEXT = vma(path="/usr/bin/x", inode=7)
SHORT = vma(START + 4096, START + 2 * MIB2 - 4096)


@pytest.mark.parametrize(
    ("of", "protection", "entry", "large", "wanted"),
    [
        (vma(), "rw-", smaps(), False, True),
        (vma(), "rw-", None, False, True),
        (vma(path="/memfd:x (deleted)", inode=7), "rw-", None, False, True),
        (SHORT, "rw-", smaps(), False, False),
        (SHORT, "r--", smaps(), True, True),
        (SHORT, "rw-", smaps(huge=MIB2), False, True),
        (TEXT, "r-x", smaps(), False, False),
        (TEXT, "r-x", None, False, False),
        (TEXT, "r-x", smaps(), True, True),
        (TEXT, "r-x", smaps(eligible=True), False, True),
        (vma(), "---", smaps(rss=0), False, False),
        (vma(), "---", smaps(), False, True),
        (vma(), "rw-", smaps(rss=0), False, True),
        (vma(), "rw-", smaps(flags="rd wr ht"), True, False),
        (vma(), "rw-", smaps(flags="rd wr pf io"), True, False),
        (vma(path="[vdso]"), "r-x", smaps(), True, False),
    ],
)
def test_which_mappings(
    of: HugeVma, protection: str, entry: SmapsVma | None, large: bool, wanted: bool
) -> None:
    assert is_wanted(of, protection, entry, large) is wanted


def test_room_for_a_pmd() -> None:
    assert has_whole_cell(vma())
    assert not has_whole_cell(vma(START + 4096, START + 2 * MIB2 - 4096))
    assert has_whole_cell(vma(START + 4096, START + 2 * MIB2))


def test_sums_of_smaps() -> None:
    assert pmd_bytes(smaps(huge=MIB2)) == MIB2
    assert pmd_bytes(SmapsVma(vma(), (), None, None, None)) is None


FULL, SPLIT, MAPPED, PARTIAL = (
    CellState.FULL,
    CellState.SPLIT,
    CellState.MAPPED,
    CellState.PARTIAL,
)


@pytest.mark.parametrize(
    ("huge", "states", "flags", "known"),
    [
        (2 * MIB2, [MAPPED, PARTIAL, MAPPED], [0, 0, 0], True),
        (0, [SPLIT, PARTIAL, SPLIT], [0, 0, 0], True),
        (MIB2, [FULL, PARTIAL, FULL], [8, 0, 8], False),
        (3 * MIB2, [FULL, PARTIAL, FULL], [8, 0, 8], False),  # smaps is of another moment
        (None, [FULL, PARTIAL, FULL], [8, 0, 8], False),
    ],
)
def test_what_smaps_leaves_of_full_cells(
    huge: int | None, states: list[int], flags: list[int], known: bool
) -> None:
    state = np.array([FULL, PARTIAL, FULL], np.uint8)
    flag = np.zeros(3, np.uint8)
    entry = None if huge is None else smaps(huge=huge)
    assert settle_full(state, flag, entry) is known
    assert (state.tolist(), flag.tolist()) == (states, flags)


def test_without_flags_of_pages_no_pmd_means_split_or_small() -> None:
    state, flags = np.array([FULL], np.uint8), np.array([CellFlag.INFERRED], np.uint8)
    assert settle_full(state, flags, smaps(huge=0))
    assert (state.tolist(), flags.tolist()) == ([FULL], [CellFlag.INFERRED])
    assert settle_full(state, flags, smaps(huge=MIB2))
    assert (state.tolist(), flags.tolist()) == ([MAPPED], [0])


@pytest.mark.parametrize(
    ("rss", "huge", "state", "pages"),
    [
        (4 * MIB2, 4 * MIB2, MAPPED, 512),
        (4 * MIB2, MIB2, FULL, 512),
        (MIB2, MIB2, CellState.HOLE, 0),
    ],
)
def test_entries_that_were_not_captured(rss: int, huge: int, state: int, pages: int) -> None:
    mapping = ThpMapping(1, vma(), smaps(rss=rss, huge=huge))
    mapping.unread = True
    settle_unread(mapping)
    assert mapping.cells.state.tolist() == [state] * 4
    assert mapping.cells.mapped_pages.tolist() == [pages] * 4
    assert mapping.cells.flags.tolist() == [CellFlag.INFERRED] * 4
    levels = mapping.info().level_bytes
    assert (levels.pud, levels.pmd, levels.pte) == (0, huge, rss - huge)
    facts = thp_facts(mapping)
    assert (facts.anon_huge_bytes, facts.pmd_bytes, facts.folio_bytes) == (huge, None, None)


def test_report() -> None:
    mapping = ThpMapping(1, vma(), smaps(huge=MIB2, eligible=True))
    mapping.cells.state[:] = [MAPPED, MAPPED, SPLIT, CellState.HOLE]
    mapping.cells.mapped_pages[:] = [512, 512, 512, 0]
    mapping.zero_huge[1] = True
    mapping.folio_pages[0, 9] = mapping.folio_pages[2, 9] = 512
    mapping.folio_pages[2, 0] = 3
    mapping.swapped[3] = 2
    facts = thp_facts(mapping)
    assert (facts.pmd_bytes, facts.anon_huge_bytes, facts.file_pmd_bytes) == (MIB2, MIB2, None)
    assert facts.folio_bytes == {4096: 3 * 4096, MIB2: 2 * MIB2}
    assert (facts.swapped_bytes, facts.eligible) == (8192, True)
    # The entry of the huge page of zeros is a PMD all the same.
    assert mapping.info().level_bytes.pmd == 2 * MIB2


def test_without_smaps_less_is_known() -> None:
    mapping = ThpMapping(1, vma(), None)
    mapping.folios_known = mapping.pmd_known = False
    facts = thp_facts(mapping)
    unknown = (facts.anon_huge_bytes, facts.pmd_bytes, facts.folio_bytes, facts.eligible)
    assert unknown == (None,) * 4
    assert mapping.info().vm_flags is None
    levels = mapping.levels()
    assert (levels.pmd, levels.pte) == (None, None)
