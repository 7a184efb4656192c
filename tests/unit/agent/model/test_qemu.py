"""The RAM layout that QEMU's command line tells."""

from __future__ import annotations

import shlex

import pytest

from hugescope_agent.model.qemu import (
    Options,
    RamLayout,
    properties,
    ram_bytes,
    ram_layout,
    size_bytes,
)

MIB = 1 << 20
GIB = 1 << 30
MEMFD = "-object memory-backend-memfd,id={},hugetlb=on,size={}"
RAM_4G = f"{MEMFD.format('mem', '4G')} -machine q35,memory-backend=mem"


def layout(line: str) -> RamLayout:
    return ram_layout(Options(["qemu-system-x86_64", *shlex.split(line)]))


def pieces(line: str) -> list[tuple[int, str | None, str, int]]:
    return [
        (piece.offset, piece.backend.name, piece.backend.kind, piece.backend.size_bytes)
        for piece in layout(line).pieces
    ]


def test_one_backend_of_the_machine() -> None:
    assert pieces(f"{RAM_4G} -m 4G") == [(0, "mem", "memfd", 4 * GIB)]
    json = '{"qom-type":"memory-backend-memfd","id":"mem","hugetlb":true,"size":4294967296}'
    assert pieces(f"-M pc -machine memory-backend=mem -object '{json}'") == [
        (0, "mem", "memfd", 4 * GIB)
    ]


def test_nodes_lie_in_order_of_their_numbers() -> None:
    objects = f"{MEMFD.format('a', '1G')} {MEMFD.format('b', '2G')}"
    first, second = (0, "b", "memfd", 2 * GIB), (2 * GIB, "a", "memfd", GIB)
    assert pieces(
        f"{objects} -numa node,nodeid=1,memdev=a -numa node,nodeid=0,cpus=0-3,memdev=b "
        "-numa dist,src=0,dst=1,val=20"
    ) == [first, second]
    assert pieces(f"{objects} -numa node,memdev=b -numa node,cpus=4 -numa node,memdev=a") == [
        first,
        second,
    ]


@pytest.mark.parametrize("size", ["1G", "1024", "size=1024M,slots=2,maxmem=4G", "1048576k"])
def test_ram_in_a_path_of_its_own(size: str) -> None:
    line = f"-m {size} -mem-prealloc -mem-path /dev/hugepages"
    assert pieces(line) == [(0, None, "file", GIB)]
    assert layout(line).pieces[0].backend.path == "/dev/hugepages"


def test_backends_are_of_a_kind() -> None:
    line = (
        "-object memory-backend-file,id=f,size=1G,mem-path=/dev/hugepages/a,,b,offset=2M "
        "-object memory-backend-ram,id=r,size=1G -object memory-backend-memfd,id=m,size=1G "
        "-machine memory-backend=f"
    )
    (piece,) = layout(line).pieces
    backend = piece.backend
    assert (backend.kind, backend.path, backend.file_offset) == (
        *("file", "/dev/hugepages/a,b", 2 * MIB),
    )
    assert [one.kind for one in layout(line).backends] == ["file", "other", "other"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "-m 4G",
        "-mem-path /dev/hugepages",
        "-machine memory-backend=mem",
        f"{RAM_4G} -readconfig more.cfg",
        f"{MEMFD.format('a', '1.5G')} -machine memory-backend=a",
        f"{MEMFD.format('a', '1G')} -numa node,memdev=a -numa node,memdev=b",
        f"{MEMFD.format('a', '1G')} -numa node,nodeid=0,memdev=a -numa node,nodeid=0",
        f"{MEMFD.format('a', '1G')} -numa node,nodeid=x,memdev=a",
        f"{MEMFD.format('a', '1G')} -device pc-dimm,memdev=a -m 1G",
    ],
)
def test_a_layout_that_is_not_certain_is_none(line: str) -> None:
    assert layout(line).pieces == ()


@pytest.mark.parametrize(
    ("machine", "size", "low"),
    [
        ("q35", "2G", 2 * GIB),
        ("q35", "2815M", 2815 * MIB),
        ("q35", "2816M", 2 * GIB),
        ("pc-q35-8.2,usb=off,accel=kvm", "64G", 2 * GIB),
        ("pc-q35-rhel9.2.0", "64G", 2 * GIB),
        ("type=pc", "3583M", 3583 * MIB),
        ("pc", "3584M", 3 * GIB),
        ("pc-i440fx-2.11", "8G", 3 * GIB),
        ("pc-i440fx-1.7", "8G", None),
        ("pc-i440fx-jammy", "8G", None),
        ("virt", "8G", None),
        ("microvm", "8G", None),
        ("usb=off", "8G", None),
        ("q35,max-ram-below-4g=1G", "8G", None),
        ("pc,accel=xen", "8G", None),
        ("q35", "1T", None),
    ],
)
def test_the_border_below_4_gib_is_that_of_the_machine(
    machine: str, size: str, low: int | None
) -> None:
    line = f"-machine {machine} -machine memory-backend=mem {MEMFD.format('mem', size)} -m {size}"
    assert layout(line).low_bytes == low


@pytest.mark.parametrize(
    ("more", "low"),
    [
        ("-m 4G,slots=4,maxmem=256G", 2 * GIB),
        ("-m 4G,slots=4,maxmem=1T", None),
        ("-m 4G,slots=4,maxmem=odd", None),
        ("-m 4G,slots=odd,maxmem=8G", None),
        ("-global q35-pcihost.pci-hole64-size=1T", None),
        ("-accel xen", None),
        ("-accel kvm", 2 * GIB),
    ],
)
def test_what_may_move_the_upper_part_leaves_the_border_unknown(more: str, low: int | None) -> None:
    assert layout(f"{RAM_4G} {more}").low_bytes == low


def test_sizes_are_whole_numbers_with_one_letter() -> None:
    assert size_bytes("4096", "m") == 4 * GIB
    assert size_bytes("4096") == 4096
    assert size_bytes("2g") == 2 * GIB
    for text in ("", None, "1.5G", "0", "-1", "0x10", "9" * 16 + "T", "9" * 5000, "4Gi", "٣"):
        assert size_bytes(text) is None


def test_properties_keep_doubled_commas() -> None:
    assert properties("a,,b,c=d,,e,f", "x") == {"x": "a,b", "c": "d,e", "f": "on"}
    assert properties('{"a": true, "b": false, "c": 2, "d": [1], "e": "x,y"}', "x") == {
        "a": "on",
        "b": "off",
        "c": "2",
        "e": "x,y",
    }


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("-m 4G -object memory-backend-memfd,id=a,size=2G -numa node,memdev=a", 2 * GIB),
        ("-m size=3,maxmem=9G", 3 << 20),
        ("-m 1G -m 2G", 2 * GIB),
        ("", None),
        ("-m 1G -readconfig machine.cfg", None),
        ("-m 1.5G", None),
    ],
)
def test_the_size_of_ram(line: str, size: int | None) -> None:
    options = Options(["qemu", *shlex.split(line)])
    assert ram_bytes(options, ram_layout(options)) == size
