"""Which mapping is which: at two moments of one host, in two processes, on two hosts."""

from __future__ import annotations

from typing import Any

import pytest

from hugescope_wire.cells import Cells
from hugescope_wire.errors import WireError
from hugescope_wire.host import MappingInfo, ProcessInfo
from hugescope_wire.pairing import Pair, Placed, Selection, is_one_boot, pair_up, select
from hugescope_wire.picture import HostPicture
from hugescope_wire.snapshot import Backing, GuestRam, HostInfo, ProcessName
from tests.unit.wire.made_wire import GIB, MIB2, full_frame, host_frame, mapping_info, take

ANONYMOUS = Backing(kind="anonymous", name=None, inode=None, offset=0)


def placed(pid: int, info: MappingInfo, comm: str = "qemu", **other: Any) -> Placed:
    process = ProcessInfo(pid=pid, comm=comm, mappings=[info], **other)
    return Placed(process, info, Cells.holes(info.cell_count))


def file_at(offset: int, inode: int = 7, name: str = "ram") -> Backing:
    return Backing(kind="memfd", name=name, inode=inode, offset=offset)


def lie(pair: Pair) -> tuple[str, int, int, int]:
    return (pair.matched_by, pair.first_a, pair.first_b, pair.count)


def test_one_host_pairs_by_process_and_address() -> None:
    info = mapping_info(1, 4)
    found = pair_up([placed(5, info)], [placed(5, info), placed(6, info)], one_host=True)
    assert [lie(pair) for pair in found.pairs] == [("address", 0, 0, 4)]
    assert [one.process.pid for one in found.only_b] == [6]


def test_an_address_that_shows_another_file_is_another_mapping() -> None:
    found = pair_up(
        [placed(5, mapping_info(1, 4))],
        [placed(5, mapping_info(1, 4, backing=file_at(0, inode=8)))],
        one_host=True,
    )
    assert (found.pairs, len(found.only_a), len(found.only_b)) == ([], 1, 1)


def test_a_mapping_that_moved_is_found_by_its_file() -> None:
    found = pair_up(
        [placed(5, mapping_info(1, 4, backing=file_at(0)))],
        [placed(5, mapping_info(2, 4, backing=file_at(2 * MIB2)))],
        one_host=True,
    )
    assert [lie(pair) for pair in found.pairs] == [("backing", 2, 0, 2)]


def test_memory_without_a_name_that_moved_is_not_guessed_at() -> None:
    found = pair_up(
        [placed(5, mapping_info(1, 4, backing=ANONYMOUS))],
        [placed(5, mapping_info(2, 4, backing=ANONYMOUS))],
        one_host=True,
    )
    assert found.pairs == []


def test_two_ends_of_a_migration_pair_by_the_guests_ram() -> None:
    def end(pid: int, number: int, offset: int) -> Placed:
        guest = GuestRam(offset=offset, backend="pc.ram", low_bytes=None)
        name = ProcessName(name="web", kind="vm", source="qemu")
        return placed(pid, mapping_info(number, 4, guest=guest), name=name)

    found = pair_up([end(5, 1, 0)], [end(9, 2, MIB2)], one_host=False)
    assert [lie(pair) for pair in found.pairs] == [("guest", 1, 0, 3)]


def test_other_hosts_pair_by_name_and_then_by_position() -> None:
    a = [
        placed(5, mapping_info(1, 4, backing=file_at(0, inode=1))),
        placed(5, mapping_info(2, 3, backing=ANONYMOUS)),
    ]
    b = [
        placed(9, mapping_info(1, 2, backing=ANONYMOUS)),
        placed(9, mapping_info(2, 4, backing=file_at(0, inode=99))),
        placed(9, mapping_info(3, 1, page_size=GIB, backing=ANONYMOUS)),
    ]
    found = pair_up(a, b, one_host=False)
    assert [lie(pair) for pair in found.pairs] == [("backing", 0, 0, 4), ("position", 0, 0, 2)]
    assert [one.info.page_size for one in found.only_b] == [GIB]


def test_processes_pair_in_the_order_of_their_name() -> None:
    info = mapping_info(1, 1)
    a = [placed(1, info, "dpdk"), placed(2, info, "qemu"), placed(3, info, "qemu")]
    b = [placed(7, info, "qemu"), placed(8, info, "qemu"), placed(9, info, "mysqld")]
    found = pair_up(a, b, one_host=False)
    assert [(pair.a.process.pid, pair.b.process.pid) for pair in found.pairs] == [(2, 7), (3, 8)]
    assert [one.process.pid for one in (*found.only_a, *found.only_b)] == [1, 9]


class CountedPid(int):
    """A pid that counts how often one was compared with another."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        CountedPid.compared += 1
        return int.__eq__(self, other) is True

    __hash__ = int.__hash__


def test_processes_of_one_name_are_not_compared_with_each_other() -> None:
    many = 500
    info = mapping_info(1, 1, backing=ANONYMOUS)

    def side(first: int) -> list[Placed]:
        process = ProcessInfo(pid=1, comm="worker", mappings=[info])
        numbered = [process.model_copy(update={"pid": CountedPid(first + n)}) for n in range(many)]
        return [Placed(one, info, Cells.holes(1)) for one in numbered]

    CountedPid.compared = 0
    found = pair_up(side(1), side(9001), one_host=False)
    assert [pair.b.process.pid - pair.a.process.pid for pair in found.pairs] == [9000] * many
    assert CountedPid.compared < 10 * many


def test_processes_that_were_chosen_pair_whatever_they_are_called() -> None:
    info = mapping_info(1, 1)
    found = pair_up(
        [placed(1, info, "a")], [placed(2, info, "b")], one_host=False, same_process=True
    )
    assert [lie(pair) for pair in found.pairs] == [("backing", 0, 0, 1)]


@pytest.mark.parametrize(
    ("backing", "wanted"),
    [
        (file_at(MIB2), ("named", 1, 0, 3)),
        (file_at(64 * MIB2), ("named", 0, 0, 4)),
        (ANONYMOUS, ("named", 0, 0, 4)),
    ],
)
def test_mappings_that_were_named_lie_by_file_or_by_order(
    backing: Backing, wanted: tuple[str, int, int, int]
) -> None:
    a = placed(1, mapping_info(1, 4, backing=file_at(0)))
    b = placed(2, mapping_info(2, 4, backing=backing))
    (pair,) = pair_up([a], [b], one_host=False, named=True).pairs
    assert lie(pair) == wanted


def test_named_mappings_of_two_page_sizes_are_refused() -> None:
    a, b = placed(1, mapping_info(1, 4)), placed(1, mapping_info(2, 1, page_size=GIB))
    with pytest.raises(WireError, match="2097152 and of 1073741824 bytes"):
        pair_up([a], [b], one_host=True, named=True)


def test_what_is_selected_must_be_there() -> None:
    info = mapping_info(1, 2)
    picture = HostPicture()
    process = ProcessInfo(pid=4, comm="p", mappings=[info])
    take(picture, full_frame(host_frame([process]), {1: Cells.holes(2)}))
    assert len(select(picture, None)) == len(select(picture, Selection(4, info.start))) == 1
    with pytest.raises(WireError, match="process 5 maps no huge pages"):
        select(picture, Selection(5))
    with pytest.raises(WireError, match="process 4 has no mapping of huge pages at 0x7"):
        select(picture, Selection(4, 7))


@pytest.mark.parametrize(
    ("a", "b", "one_source", "wanted"),
    [
        ("boot-1", "boot-1", False, True),
        ("boot-1", "boot-2", True, False),
        ("boot-1", None, True, True),
        ("boot-1", None, False, False),
        (None, None, True, True),
        (None, None, False, False),
    ],
)
def test_boots_that_are_known_decide_whether_pids_mean_the_same(
    a: str | None, b: str | None, one_source: bool, wanted: bool
) -> None:
    pictures = HostPicture(), HostPicture()
    for picture, boot_id in zip(pictures, (a, b), strict=True):
        host = HostInfo(name="box", kernel=None, boot_id=boot_id)
        take(picture, full_frame(host_frame([], host=host), {}))
    assert is_one_boot(*pictures, one_source=one_source) is wanted
