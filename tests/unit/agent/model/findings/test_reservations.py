from typing import Any

import pytest

from hugescope_wire.findings import CellLink
from hugescope_wire.report import (
    FileRef,
    ProcessRef,
    Reservation,
    ReservationAccount,
    Unreserved,
)
from hugescope_wire.snapshot import Backing
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


def test_nonsense_is_not_computed_with() -> None:
    known = account(free=0, reserved=-5, available=5)
    look = facts(accounts=[known], reservations=reserved(unreserved=[open_(START, 9)]))
    assert not found(look, "sigbus-risk")


@pytest.mark.parametrize(("offset", "fires"), [(0, False), (4 * MIB2, True)])
def test_the_same_part_of_a_file_is_asked_for_once(offset: int, fires: bool) -> None:
    """Two mappings of 4 pages each, 4 pages left: enough only if they are the same pages."""
    one = mapping(1, "hhhh")
    backing = Backing(kind="memfd", name="ram", inode=7, offset=offset)
    two = mapping(2, "hhhh", backing=backing)
    look = facts(
        process(41, one),
        process(42, two),
        accounts=[account(free=4, available=4)],
        reservations=reserved(unreserved=[open_(one.start, 4), open_(two.start, 4, 42)]),
    )
    assert bool(found(look, "sigbus-risk")) is fires
