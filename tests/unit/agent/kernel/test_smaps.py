"""smaps: only hugetlb VMAs, by field name, whatever the columns' width."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.smaps import SmapsVma, count, parse_huge, parse_others
from tests.unit.agent.tree_builder import GIB, HOLE, MIB2, SMALL_SMAPS, MadeMapping, mapped
from tests.unit.wire.made_wire import many

STOCK = MadeMapping(0x7E0000000000, (mapped(1), HOLE), inode=42, offset=MIB2)
HGM = MadeMapping(
    0x7E4000000000,
    (mapped(0, GIB), HOLE),
    page_size=GIB,
    flags="rd wr sh mr mw me ms ui de ht sd hm",
    levels_kib=(1 << 20, 137272, 28),
)


def text_of(*mappings: MadeMapping) -> bytes:
    """A smaps with small mappings before, between and after."""
    entries = [SMALL_SMAPS]
    for mapping in mappings:
        entries += [mapping.smaps_entry(), SMALL_SMAPS]
    return ("\n".join(entries) + "\n").encode()


def only(text: bytes) -> SmapsVma:
    """The one hugetlb VMA of a text."""
    found = parse_huge(text, "smaps")
    assert len(found) == 1
    return found[0]


def test_stock_kernels_print_no_levels() -> None:
    entry = only(text_of(STOCK))
    assert entry.vm_flags == tuple(STOCK.flags.split())
    assert (entry.pud_mapped_bytes, entry.pmd_mapped_bytes, entry.pte_mapped_bytes) == (None,) * 3
    vma = entry.vma
    assert (vma.start, vma.end, vma.page_size) == (STOCK.start, STOCK.end, MIB2)
    assert (vma.shared, vma.offset, vma.inode, vma.path) == (True, MIB2, 42, STOCK.path)


def test_hgm_kernels_pad_wider_and_print_levels() -> None:
    text = text_of(HGM)
    assert b"HugetlbPteMapped:        28 kB" in text
    entry = only(text)
    assert entry.vma.page_size == GIB
    levels = (entry.pud_mapped_bytes, entry.pmd_mapped_bytes, entry.pte_mapped_bytes)
    assert levels == (GIB, 137272 << 10, 28 << 10)


def test_order_and_count() -> None:
    text = text_of(STOCK, HGM)
    assert [entry.vma.start for entry in parse_huge(text, "smaps")] == [STOCK.start, HGM.start]
    assert count(text) == 5
    assert parse_huge(b"", "smaps") == []


@pytest.mark.parametrize("flags", ["rd wr", "rd nht", "hta", "th ht2", ""])
def test_only_the_flag_itself_makes_a_hugetlb_mapping(flags: str) -> None:
    plain = MadeMapping(STOCK.start, STOCK.cells, flags=flags)
    assert parse_huge(text_of(plain), "smaps") == []


def test_the_last_line_may_lack_its_newline() -> None:
    text = f"{SMALL_SMAPS}\n{STOCK.smaps_entry()}".encode().rstrip()
    assert only(text).vm_flags == tuple(STOCK.flags.split())


@pytest.mark.parametrize(
    "path",
    [
        "/memfd:x\rKernelPageSize: 4 kB (deleted)",
        "/memfd:x\rHugetlbPteMapped: y (deleted)",
        "/memfd:x\rHugetlbPteMapped: 4 kB\r (deleted)",
        "/memfd:x\rVmFlags: rd (deleted)",
        "/memfd:x\vVmFlags: rd\f (deleted)",
        "/memfd:VmFlags: rd wr (deleted)",
        "/memfd:\\777 (deleted)",
        "/memfd:a-b:c (deleted)",
    ],
    ids=range(8),
)
def test_a_name_cannot_add_fields(path: str) -> None:
    """Any user may name a memfd; the kernel escapes nothing in it but the newline."""
    entry = only(text_of(MadeMapping(STOCK.start, STOCK.cells, path=path)))
    assert entry.vma.path == path
    assert entry.vma.page_size == MIB2
    assert (entry.pud_mapped_bytes, entry.pmd_mapped_bytes, entry.pte_mapped_bytes) == (None,) * 3


def test_a_small_mapping_cannot_be_made_to_look_huge() -> None:
    path = "/tmp/x\rKernelPageSize: 2048 kB\rVmFlags: ht"
    text = SMALL_SMAPS.replace("/prog", path).encode() + b"\n"
    assert parse_huge(text, "smaps") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("KernelPageSize:     2048 kB", "KernelPageSize:     2048"),
        ("KernelPageSize:     2048 kB", "KernelPageSize:     2048 MB"),
        ("KernelPageSize:     2048 kB", "KernelPageSize:      two kB"),
        ("KernelPageSize:     2048 kB", "KernelPageSize:       -4 kB"),
        ("KernelPageSize:     2048 kB", "KernelPageSize:        0 kB"),
        ("KernelPageSize:     2048 kB", "KernelPageSize:     4096000 kB"),
        ("KernelPageSize:     2048 kB", "XernelPageSize:     2048 kB"),
        ("7e0000000000-7e0000400000", "7e0000000000-7e0000300000"),
        ("7e0000000000-7e0000400000", "7e0000400000-7e0000000000"),
        ("7e0000000000-7e0000400000", "here-there"),
    ],
    ids=range(10),
)
def test_what_no_kernel_prints_is_named_with_its_place(old: str, new: str) -> None:
    text = text_of(STOCK).decode()
    assert old in text
    with pytest.raises(BadCapture, match=r"^proc/41/smaps:5"):
        parse_huge(text.replace(old, new, 1).encode(), "proc/41/smaps")


@pytest.mark.parametrize("size_kib", [1, 2, 3, 6, 2049, 1 << 40])
def test_a_page_size_that_no_kernel_has(size_kib: int) -> None:
    """A size under 4 KiB, or no power of two, would fail further in, where no file can be named."""
    text = text_of(STOCK).decode().replace("2048 kB", f"{size_kib} kB")
    span = size_kib << 10
    text = text.replace("7e0000400000", f"{0x7E0000000000 + span:x}")
    with pytest.raises(BadCapture, match="page size"):
        parse_huge(text.encode(), "smaps")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0, 1 << 64),
        (0, 1 << 57),
        (1 << 63, (1 << 63) + MIB2),
        (1 << 70, (1 << 70) + MIB2),
        (4096, 4096 + MIB2),
    ],
)
def test_addresses_that_no_process_has(start: int, end: int) -> None:
    """User space ends below 2^57, and huge pages lie at multiples of their size."""
    text = text_of(STOCK).replace(b"7e0000000000-7e0000400000", f"{start:x}-{end:x}".encode())
    with pytest.raises(BadCapture):
        parse_huge(text, "smaps")


def test_a_cut_file_says_so() -> None:
    """Cut anywhere but between entries."""
    text = text_of(STOCK, HGM)
    whole = {0} | {at for at in range(len(text)) if text[:at].endswith(b"\n") and _ends(text[:at])}
    refused = set()
    for length in range(len(text)):
        try:
            found = parse_huge(text[:length], "smaps")
        except BadCapture:
            refused.add(length)
        else:
            assert [e.vma.start for e in found] == [STOCK.start, HGM.start][: len(found)]
    assert not refused & whole
    # What stands before the last flags cannot be missed; the flags themselves can be.
    assert len(refused) > len(text) // 2


def _ends(text: bytes) -> bool:
    return text.splitlines()[-1].startswith(b"VmFlags:")


@given(st.data())
@many
def test_damage_is_a_bad_capture_or_harmless(data: st.DataObject) -> None:
    text = bytearray(text_of(STOCK, HGM))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(st.integers(0, 255))
    with suppress(BadCapture):
        parse_huge(bytes(text), "smaps")


def test_hugetlb_bytes_are_read_and_make_no_difference() -> None:
    """They move with every fault; VmFlags and levels are what is new about a mapping."""
    one = only(text_of(STOCK))
    assert (one.shared_hugetlb_bytes, one.private_hugetlb_bytes) == (MIB2, 0)
    other = MadeMapping(STOCK.start, (mapped(1), mapped(2)), inode=42, offset=MIB2)
    more = only(text_of(other))
    assert more.shared_hugetlb_bytes == 2 * MIB2
    assert more == one


OTHER = b"""\
7e9000000000-7e9000409000 rw-p 00000000 00:00 0
Size:               4132 kB
KernelPageSize:        4 kB
Rss:                4128 kB
Anonymous:          4128 kB
AnonHugePages:      2048 kB
ShmemPmdMapped:        0 kB
FilePmdMapped:         4 kB
Swap:                  8 kB
THPeligible:           1
VmFlags: rd wr mr mw me ac sd hg
"""


def test_others_tell_of_transparent_huge_pages() -> None:
    text = text_of(STOCK) + OTHER
    entry = parse_others(text, "smaps")[-1]
    assert (entry.vma.kind, entry.vma.page_size, entry.vma.cell_count) == ("thp", MIB2, 3)
    assert entry.vm_flags[-1] == "hg"
    assert (entry.rss_bytes, entry.anonymous_bytes, entry.swap_bytes) == (4128 << 10,) * 2 + (8192,)
    sums = (entry.anon_huge_bytes, entry.shmem_pmd_bytes, entry.file_pmd_bytes)
    assert sums == (MIB2, 0, 4096)
    assert entry.thp_eligible is True
    assert len(parse_others(text, "smaps")) + len(parse_huge(text, "smaps")) == count(text)


def test_fields_of_newer_kernels_are_unknown_on_older_ones() -> None:
    older = b"".join(
        line
        for line in OTHER.splitlines(keepends=True)
        if b"Pmd" not in line and b"THP" not in line
    )
    (entry,) = parse_others(older, "smaps")
    assert (entry.shmem_pmd_bytes, entry.file_pmd_bytes, entry.thp_eligible) == (None,) * 3
    (never,) = parse_others(OTHER.replace(b"le:           1", b"le:           0"), "smaps")
    assert never.thp_eligible is False


class Counted(bytes):
    """Counts how much of it is gone through to count something."""

    gone_through = 0

    def count(self, *of: Any) -> int:
        Counted.gone_through += len(self)
        return super().count(*of)


def test_work_is_not_the_square_of_the_entries() -> None:
    """The line that an entry begins with is told in errors; it is not counted for each entry."""
    text = Counted(text_of(*[STOCK] * 200))
    assert len(parse_huge(text, "smaps")) == 200
    assert len(parse_others(text, "smaps")) == 201
    assert Counted.gone_through == 0
    with pytest.raises(BadCapture, match=r"smaps:[0-9]+:"):
        parse_huge(Counted(text.replace(b" kB", b" kb")), "smaps")
    assert Counted.gone_through > 0
