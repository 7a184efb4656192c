from typing import Any

import pytest

from hugescope_agent.model.findings import find
from hugescope_wire.account import FileRef, ProcessRef, Reservation, ReservationAccount, Unreserved
from hugescope_wire.findings import CellLink
from tests.unit.agent.model.findings.made_facts import (
    QEMU,
    START,
    account,
    facts,
    found,
    mapping,
    memfd,
    only,
    private,
    process,
)
from tests.unit.wire.made_wire import MIB2


def owner(**parts: Any) -> Reservation:
    known: dict[str, Any] = {
        "owner": "mapping",
        "page_size": MIB2,
        "pages": 3,
        "faulted": 0,
        "process": QEMU,
        "start": START,
    }
    return Reservation(**(known | parts))


def reserved(
    *owners: Reservation, unattributed: int | None = 0, unreserved: Any = ()
) -> list[ReservationAccount]:
    total = sum(one.pages for one in owners) + (unattributed or 0)
    account_ = ReservationAccount(
        page_size=MIB2,
        reserved=total,
        owners=list(owners),
        unattributed=unattributed,
        unreserved=list(unreserved),
        unreserved_pages=sum(one.pages for one in unreserved),
    )
    return [account_]


def test_a_mapping_that_was_never_touched() -> None:
    look = facts(process(41, mapping(1, "hhh")), reservations=reserved(owner()))
    finding = only(look, "unused-reservation")
    assert finding.severity == "notice"
    assert finding.what == (
        f"qemu (41) has 3 pages of 2 MiB (6 MiB) reserved and not touched in its mapping at "
        f"{START:#x} of memfd ram."
    )
    assert finding.links == [CellLink(pid=41, start=START)]


@pytest.mark.parametrize(
    ("faulted", "says"), [(5, ", beside 5 in use."), (None, f"mapping at {START:#x}.")]
)
def test_a_mapping_that_is_used_in_part(faulted: int | None, says: str) -> None:
    finding = only(facts(reservations=reserved(owner(faulted=faulted))), "unused-reservation")
    assert finding.severity == "info"
    assert says in finding.what


def test_a_mapping_that_is_touched_in_full_reserves_nothing() -> None:
    look = facts(reservations=reserved(owner(pages=0, faulted=3)))
    assert not found(look, "unused-reservation")


def test_a_file_that_nobody_maps() -> None:
    file = FileRef(kind="hugetlbfs", device="0:50", inode=3, name="/mnt/huge/f")
    known = reserved(owner(owner="file", process=None, start=None, file=file))
    finding = only(facts(reservations=known), "unused-reservation")
    assert finding.severity == "notice"
    assert finding.what.startswith("File /mnt/huge/f has 3 pages")
    assert finding.command == "rm /mnt/huge/f"
    hidden = found(facts(reservations=known, denied=1), "unused-reservation")[0]
    assert hidden.command == "fuser -v /mnt/huge/f"


def test_a_memfd_has_no_name_to_remove() -> None:
    known = reserved(owner(owner="file", process=None, start=None, file=memfd()))
    assert only(facts(reservations=known), "unused-reservation").command is None


def test_a_mount_with_min_size() -> None:
    file = FileRef(kind="hugetlbfs", device="0:50", inode=None, name="/mnt/huge")
    known = reserved(owner(owner="mount", process=None, start=None, file=file, inferred=True))
    finding = only(facts(reservations=known), "unused-reservation")
    assert finding.what.startswith("The hugetlbfs mounted at /mnt/huge has about 3 pages")
    assert finding.command == "umount /mnt/huge"


def test_reservations_of_nobody() -> None:
    look = facts(accounts=[account(reserved=2)], reservations=reserved(unattributed=2))
    finding = only(look, "unused-reservation")
    assert finding.key == f"unused-reservation:{MIB2}:unattributed"
    assert finding.what.startswith("2 pages of 2 MiB (4 MiB) are reserved, and no process,")


@pytest.mark.parametrize(("unattributed", "torn"), [(0, 0), (None, 0), (2, 1)])
def test_reservations_whose_owners_are_known_or_that_move(
    unattributed: int | None, torn: int
) -> None:
    known = reserved(unattributed=unattributed)
    look = facts(accounts=[account(torn=torn)], reservations=known)
    assert not found(look, "unused-reservation")


def crowd(count: int, **parts: Any) -> list[Reservation]:
    """So many mappings of nearly as many processes: the first has two."""
    return [
        owner(
            process=ProcessRef(pid=41 + max(0, number - 1), comm="qemu"),
            start=START + number * (64 << 20),
            pages=number + 1,
            **parts,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(("faulted", "most", "severity"), [(5, 4, "info"), (0, 8, "notice")])
def test_many_mappings_of_a_kind_are_one_finding(faulted: int, most: int, severity: str) -> None:
    few = found(facts(reservations=reserved(*crowd(most, faulted=faulted))), "unused-reservation")
    assert len(few) == most
    many = crowd(37, faulted=faulted)
    finding = only(facts(reservations=reserved(*many)), "unused-reservation")
    beside = " beside what they use" if faulted else ""
    assert finding.what == (
        f"37 mappings of 36 processes have 703 pages of 2 MiB (1406 MiB) reserved and not touched"
        f"{beside}."
    )
    assert finding.severity == severity
    assert len(finding.links) == 37
    assert len(finding.pids) == 36
    assert len(finding.evidence) == 9
    assert finding.evidence[0].value.startswith("37 reserved")


def test_kinds_and_sizes_are_folded_apart() -> None:
    """Five used in part are one finding; nine never touched another; the mount stays its own."""
    mount = FileRef(kind="hugetlbfs", device="0:50", inode=None, name="/mnt/huge")
    owners = [
        *crowd(5, faulted=1),
        *crowd(9),
        owner(owner="mount", process=None, start=None, file=mount),
    ]
    keys = {one.key for one in found(facts(reservations=reserved(*owners)), "unused-reservation")}
    assert keys == {
        f"unused-reservation:{MIB2}:used-in-part",
        f"unused-reservation:{MIB2}:untouched",
        f"unused-reservation:mount:{MIB2}:0:50:None:/mnt/huge",
    }


def test_many_files_are_one_finding() -> None:
    owners = [
        owner(owner="file", process=None, start=None, file=memfd(inode=number))
        for number in range(9)
    ]
    finding = only(facts(reservations=reserved(*owners)), "unused-reservation")
    assert finding.what.startswith("9 files and mounts have 27 pages")


# --- sigbus-risk --------------------------------------------------------------------------------


def open_(start: int, pages: int, pid: int = 41) -> Unreserved:
    return Unreserved(
        process=ProcessRef(pid=pid, comm="qemu"), start=start, page_size=MIB2, pages=pages
    )


def risk(left: int, pages: int = 3, **counts: Any) -> Any:
    info = private(1, "h" * pages)
    known = account(total=16, free=left + 2, reserved=2, available=left, **counts)
    return facts(
        process(41, info),
        accounts=[known],
        reservations=reserved(unreserved=[open_(info.start, pages)]),
    )


def test_pages_that_moved_under_the_look_are_no_risk() -> None:
    assert only(risk(1, torn=1), "sigbus-risk")
    assert not [found for found in find(risk(1, torn=2)) if found.code == "sigbus-risk"]


def test_more_to_touch_than_is_left() -> None:
    finding = only(risk(1), "sigbus-risk")
    assert finding.severity == "warning"
    assert finding.what == (
        "qemu (41) can touch 3 pages of 2 MiB (6 MiB) that nothing is reserved for, and 1 is left."
    )
    assert finding.command == "echo 18 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
    assert finding.links == [CellLink(pid=41, start=START)]


def test_nothing_left_is_critical() -> None:
    finding = only(risk(0), "sigbus-risk")
    assert finding.severity == "critical"
    assert finding.what.endswith("and none are left.")


@pytest.mark.parametrize(
    "look",
    [
        risk(3),
        risk(0, overcommit=3),
        risk(0, overcommit=-1),
        risk(0, overcommit=None),
    ],
)
def test_enough_is_left_or_nothing_known(look: Any) -> None:
    assert not found(look, "sigbus-risk")


def test_surplus_pages_use_overcommit_up() -> None:
    assert only(risk(0, overcommit=3, surplus=1), "sigbus-risk").severity == "warning"


@pytest.mark.parametrize("odd", [{"reserved": -5}, {"reserved": 99}])
def test_nonsense_is_not_computed_with(odd: dict[str, int]) -> None:
    known = account(total=16, free=0, **odd)
    look = facts(accounts=[known], reservations=reserved(unreserved=[open_(START, 9)]))
    assert not found(look, "sigbus-risk")
