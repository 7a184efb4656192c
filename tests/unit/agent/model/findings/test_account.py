from dataclasses import replace
from typing import Any

import pytest

from hugescope_wire.account import HeldPages, Reservation, ReservationAccount
from hugescope_wire.host import Source
from tests.unit.agent.model.findings.made_facts import (
    QEMU,
    account,
    cells,
    facts,
    found,
    mapping,
    only,
    pool,
    process,
)
from tests.unit.wire.made_wire import GIB, MIB2

IDLE = {"total": 8, "free": 8, "available": 8, "mapped": 0}


def test_a_pool_that_nobody_uses() -> None:
    finding = only(facts(accounts=[account(**IDLE)]), "idle-pool")
    assert finding.severity == "notice"
    assert finding.what == (
        "Nobody uses or has reserved any of the 8 pages of 2 MiB (16 MiB) in the pool."
    )
    assert finding.command == "echo 0 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"


def test_each_idle_size_is_one_finding() -> None:
    accounts = [account(**IDLE), account(GIB, **IDLE)]
    assert len(found(facts(accounts=accounts), "idle-pool")) == 2


@pytest.mark.parametrize(
    "parts",
    [
        {"free": 7, "mapped": 1},
        {"reserved": 1, "available": 7},
        {"reserved": None},
        {"free": None},
        {"total": 0, "free": 0},
        {"surplus": 8},
    ],
    ids=str,
)
def test_pools_that_are_not_idle(parts: dict[str, Any]) -> None:
    assert not found(facts(accounts=[account(**(IDLE | parts))]), "idle-pool")


def test_a_pool_that_a_mapping_may_draw_from_is_not_idle() -> None:
    info = mapping(1, "hh")
    look = facts(process(41, info), shown={1: cells("hh")}, accounts=[account(**IDLE)])
    assert not found(look, "idle-pool")


def test_a_node_s_pool_is_no_pool_of_its_own() -> None:
    assert not found(facts(accounts=[account(**IDLE, node=0)]), "idle-pool")


def test_pages_that_nobody_was_seen_to_use() -> None:
    known = account(unattributed=2, mapped=2, candidates=["process 9 pins pages (a guess)"])
    finding = only(facts(accounts=[known]), "unattributed-pages")
    assert finding.what == (
        "2 pages of 2 MiB (4 MiB) are in use, and no process, file or segment was seen to have "
        "them."
    )
    assert finding.evidence[-1].value == "process 9 pins pages (a guess)"


def test_where_processes_are_hidden_the_pages_may_be_theirs() -> None:
    look = facts(accounts=[account(unattributed=1, mapped=3)], denied=1)
    assert "no process that could be read, file or segment" in (
        found(look, "unattributed-pages")[0].what
    )


@pytest.mark.parametrize(
    "parts",
    [{"unattributed": 0}, {"unattributed": None}, {"unattributed": 2, "torn": 1}],
    ids=str,
)
def test_an_account_that_closes_or_was_torn(parts: dict[str, Any]) -> None:
    assert not found(facts(accounts=[account(**parts)]), "unattributed-pages")


def test_a_reservation_count_below_zero() -> None:
    finding = only(facts(pools=[pool(reserved=-5)]), "odd-counter")
    assert finding.severity == "warning"
    assert "numbers that cannot be: reserved -5." in finding.what
    assert finding.evidence[0].source is not None
    assert finding.evidence[0].source.endswith("hugepages-2048kB/resv_hugepages")


def test_a_node_s_counter_is_named_with_its_file() -> None:
    finding = only(facts(pools=[pool(node=1, surplus=-1)]), "odd-counter")
    assert "pool on node 1" in finding.what
    assert finding.evidence[0].source == (
        "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/surplus_hugepages"
    )


@pytest.mark.parametrize(
    "parts", [{"free": 17}, {"surplus": 17}, {"unattributed": -1, "mapped": 5}], ids=str
)
def test_parts_that_are_more_than_the_whole(parts: dict[str, Any]) -> None:
    assert only(facts(accounts=[account(**parts)]), "odd-counter").severity == "notice"
    assert not found(facts(accounts=[account(**parts, torn=1)]), "odd-counter")


def test_more_reserved_than_there_is() -> None:
    """The kernel promises no page that it does not have."""
    promised = ReservationAccount(page_size=MIB2, reserved=99, owners=[], unattributed=99)
    look = facts(accounts=[account(reserved=99)], reservations=[promised])
    assert only(look, "odd-counter").severity == "warning"
    assert not found(look, "unused-reservation"), "nothing is computed with nonsense"


def test_counters_of_a_captured_tree_do_not_move() -> None:
    captured = Source(kind="capture")
    look = replace(facts(accounts=[account(free=900, torn=884)]), source=captured)
    assert "free, of 16 900" in only(look, "odd-counter").what
    look = replace(facts(accounts=[account(unattributed=-1, torn=1)]), source=captured)
    assert not found(look, "odd-counter"), "page tables may have been captured at another moment"


def test_counters_read_at_different_moments_are_not_odd() -> None:
    assert not found(facts(pools=[pool(free=17)]), "odd-counter")


def test_zero_is_not_odd() -> None:
    assert not found(facts(pools=[pool(total=0, free=0)]), "odd-counter")


def owned(pages: int, *, inferred: bool = False) -> ReservationAccount:
    owner = Reservation(
        owner="mapping", page_size=MIB2, pages=pages, faulted=1, process=QEMU, inferred=inferred
    )
    return ReservationAccount(page_size=MIB2, reserved=2, owners=[owner], unattributed=2 - pages)


def test_more_reserved_by_owners_than_in_all() -> None:
    look = facts(accounts=[account(reserved=2)], reservations=[owned(3)])
    assert found(look, "odd-counter")[0].evidence[0].value == "-1"


def test_inferred_owners_prove_nothing() -> None:
    look = facts(accounts=[account(reserved=2)], reservations=[owned(3, inferred=True)])
    assert not found(look, "odd-counter")


def test_held_pages_are_evidence_of_what_is_not_attributed() -> None:
    held = HeldPages(fd=1, hugetlbfs=None, sysv=0, mapping=0)
    finding = only(facts(accounts=[account(unattributed=1, held=held)]), "unattributed-pages")
    values = {item.name: item.value for item in finding.evidence}
    assert values["held by a descriptor"] == "1"
    assert values["in files that nobody maps"] == "unknown"
