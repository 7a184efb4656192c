"""Struct pages and HVO: what is saved is said where the sums fit, and only there."""

from pathlib import Path

import pytest

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel import vmemmap
from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.vmemmap import NoAnswer
from hugescope_wire.account import Vmemmap, VmemmapSaving
from hugescope_wire.snapshot import Pool
from tests.unit.agent.tree_builder import GIB, MIB2, MadeTree, build, zone

# As the machine of the module's docstring: 3 GiB below 4 GiB, 21 GiB above, 192 sections.
IOMEM = """00000000-00000fff : Reserved
00001000-0009fbff : System RAM
000f0000-000fffff : System ROM
00100000-bfffffff : System RAM
  01000000-02209987 : Kernel code
100000000-63fffffff : System RAM
"""
BOOT_PAGES = 98304
POOLS = {MIB2: 64, GIB: 2}


def pools(totals: dict[int, int]) -> list[Pool]:
    """The host's pools, and a node's that must not count twice."""
    made = [(size, node, total) for size, total in totals.items() for node in (None, 0)]
    return [
        Pool(page_size=size, node=node, total=total, free=0, reserved=None, surplus=0)
        for size, node, total in made
    ]


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A tree with HVO off and nothing saved."""
    build(tmp_path, MadeTree())
    write(tmp_path, iomem=IOMEM, setting="0\n")
    counters(tmp_path, BOOT_PAGES, 0)
    return Root.at(str(tmp_path))


def write(path: Path, **files: str) -> None:
    """Files of proc; `setting` is HVO's."""
    places = {"setting": "proc/sys/vm/hugetlb_optimize_vmemmap"}
    for name, text in files.items():
        file = path / places.get(name, f"proc/{name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def counters(path: Path, boot: int, later: int) -> None:
    """A vmstat."""
    text = f"nr_free_pages 4\nnr_memmap_pages {later}\nnr_memmap_boot_pages {boot}\nthp_x 0\n"
    write(path, vmstat=text)


def read(root: Root, totals: dict[int, int] = POOLS) -> Vmemmap:
    """The record."""
    return vmemmap.read(root, pools(totals))


def test_off(root: Root) -> None:
    assert read(root) == Vmemmap(
        enabled=False,
        memmap_bytes=384 << 20,
        saved_bytes=0,
        sizes=[
            VmemmapSaving(page_size=MIB2, bytes_per_page=28 << 10, at_most_bytes=64 * 28 << 10),
            VmemmapSaving(page_size=GIB, bytes_per_page=4095 << 12, at_most_bytes=2 * 4095 << 12),
        ],
        reason=None,
    )


@pytest.mark.parametrize(
    ("boot", "later", "saved_pages"),
    [
        (BOOT_PAGES - 32, 4, 28),
        (BOOT_PAGES - 32, 32, 0),
        (BOOT_PAGES - 2 * 4096, 2, 2 * 4095),
        (BOOT_PAGES - 2 * 4096 - 64 * 8, 66, 2 * 4095 + 64 * 7),
    ],
)
def test_what_is_saved(root: Root, boot: int, later: int, saved_pages: int) -> None:
    write(Path(root.path), setting="1\n")
    counters(Path(root.path), boot, later)
    found = read(root)
    assert (found.enabled, found.saved_bytes) == (True, saved_pages << 12)


@pytest.mark.parametrize(
    ("boot", "later", "why"),
    [
        (BOOT_PAGES, 100, "100 pages more"),
        (BOOT_PAGES - 6, 0, "6 pages less"),
        (BOOT_PAGES - 2 * 4095 - 65 * 7, 0, "less"),
        (BOOT_PAGES, 2**64 - 5, "underflowed"),
    ],
)
def test_sums_that_do_not_fit(root: Root, boot: int, later: int, why: str) -> None:
    counters(Path(root.path), boot, later)
    found = read(root)
    assert found.saved_bytes is None
    assert why in (found.reason or "")


def test_empty_pools_save_nothing(root: Root) -> None:
    assert read(root, {MIB2: 0, GIB: 0}).saved_bytes == 0
    assert read(root, {}).sizes == []


def test_a_kernel_that_does_not_count(root: Root) -> None:
    write(Path(root.path), vmstat="nr_free_pages 4\n", setting="1\n")
    found = read(root)
    assert (found.enabled, found.memmap_bytes, found.saved_bytes) == (True, None, None)
    assert "does not count" in (found.reason or "")
    assert len(found.sizes) == 2


def test_a_kernel_without_hvo(root: Root) -> None:
    Path(root.path, "proc/sys/vm/hugetlb_optimize_vmemmap").unlink()
    assert (read(root).enabled, read(root).sizes, read(root).reason) == (None, [], None)
    write(Path(root.path), cmdline="quiet hugetlb_free_vmemmap=on\n")
    assert "hugetlb_free_vmemmap=on" in (read(root).reason or "")


def test_no_setting(root: Root) -> None:
    write(Path(root.path), setting="yes\n")
    with pytest.raises(BadCapture, match="hugetlb_optimize_vmemmap"):
        read(root)


def test_page_sizes_too_small_for_it() -> None:
    assert [vmemmap.freed_pages(size) for size in (64 << 10, MIB2, 32 << 20, GIB)] == [
        *(0, 7, 127, 4095)
    ]


@pytest.mark.parametrize("iomem", ["", "00000000-00000000 : System RAM\n"])
def test_hidden_addresses_leave_the_zones(root: Root, iomem: str) -> None:
    path = Path(root.path)
    whole = zone(0, "DMA", 1, 4095) + zone(0, "Normal", 4096, 65536 - 4096)
    write(path, iomem=iomem, zoneinfo=whole)
    counters(path, 2 * 512, 0)
    assert read(root).saved_bytes == 0
    holes = whole.replace(f"present  {65536 - 4096}", "present  20000")
    write(path, zoneinfo=holes)
    assert "only be read by root" in (read(root).reason or "")
    write(path, zoneinfo="")
    assert read(root).saved_bytes is None


def test_memory_that_counts_otherwise(root: Root) -> None:
    path = Path(root.path)
    device = zone(0, "Normal", 0, 65536) + zone(0, "Device", 65536, 32768)
    write(path, zoneinfo=device)
    assert "device memory" in (read(root).reason or "")
    write(path, zoneinfo=zone(0, "Normal", 0, 65536) + zone(0, "Device", 65536, 0))
    assert read(root).saved_bytes == 0
    parameters = path / "sys/module/memory_hotplug/parameters"
    parameters.mkdir(parents=True)
    (parameters / "memmap_on_memory").write_text("Y\n")
    assert "memmap_on_memory" in (read(root).reason or "")


def test_memory_of_a_device_in_iomem() -> None:
    with pytest.raises(NoAnswer, match="device"):
        vmemmap.ram_sections(
            f"{IOMEM}700000000-7ffffffff : dax0.0\n  700000000-7ffffffff : System RAM (kmem)\n"
        )


def test_sections_are_counted_once() -> None:
    assert vmemmap.ram_sections(IOMEM) == frozenset([*range(24), *range(32, 200)])
