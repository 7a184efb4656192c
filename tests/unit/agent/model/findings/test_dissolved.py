from typing import Any, Literal

import pytest

from hugescope_agent.model.findings import find
from hugescope_agent.model.poolhistory import PoolEvent
from hugescope_wire.report import BootPages, MemoryFailures, Poison, PoisonedPage
from tests.unit.agent.model.findings.made_facts import account, facts, found, only
from tests.unit.wire.made_wire import GIB, MIB2


def boot(pages: int, page_size: int = MIB2, node: int | None = None) -> BootPages:
    return BootPages(page_size=page_size, node=node, pages=pages)


def event(kind: Literal["demoted", "shrunk"], pages: int, **parts: Any) -> PoolEvent:
    known: dict[str, Any] = {"page_size": MIB2, "first_total": 16, "last_total": 16 - pages}
    return PoolEvent(kind=kind, pages=pages, seen_s=1.0, **(known | parts))


def poison(*dissolved: int, failures: int | None = None, corrupted: int | None = None) -> Poison:
    counted = MemoryFailures(
        node=0, total=failures, ignored=0, failed=0, delayed=0, recovered=failures
    )
    pages = [
        PoisonedPage(
            page_size=size,
            bad_bytes=4096,
            in_pool=False,
            node=0,
            file=None,
            places=[],
            evidence="kpageflags",
        )
        for size in dissolved
    ]
    return Poison(pages=pages, failures=[counted], hardware_corrupted_bytes=corrupted)


def test_a_page_that_is_known_to_be_dissolved() -> None:
    look = facts(accounts=[account()], poison=poison(MIB2, failures=1, corrupted=4096))
    finding = found(look, "pages-dissolved")[0]
    assert finding.severity == "warning"
    assert finding.what == (
        "1 page of 2 MiB is gone from the pool, taken by memory errors; the pool has 16."
    )
    assert finding.command == "echo 17 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"


def test_fewer_than_at_boot_with_as_many_errors() -> None:
    look = facts(
        accounts=[account()], boot=[boot(9, node=0), boot(9, node=1)], poison=poison(failures=2)
    )
    finding = only(look, "pages-dissolved")
    assert "2 pages of 2 MiB (4 MiB) are missing from the pool, perhaps taken by" in finding.what
    values = {item.name: item.value for item in finding.evidence}
    assert values["pages asked for at boot"] == "18"
    assert values["memory failures on node 0"] == "2, 2 recovered"


def test_seen_to_shrink_with_an_error_that_meminfo_counts() -> None:
    look = facts(accounts=[account()], history=[event("shrunk", 1)], poison=poison(corrupted=4096))
    assert only(look, "pages-dissolved").key == f"pages-dissolved:{MIB2}"


@pytest.mark.parametrize(
    "parts",
    [
        {"history": [event("shrunk", 5)]},
        {"boot": [boot(20)]},
        {"boot": [boot(20)], "poison": poison(failures=3)},
        {"boot": [boot(16)], "poison": poison(failures=1)},
        {"poison": poison(failures=1, corrupted=4096)},
        {"accounts": [account(total=20, surplus=4)], "boot": [boot(16)]},
    ],
    ids=["operator", "operator before", "too few errors", "none missing", "4 KiB page", "surplus"],
)
def test_pools_that_the_operator_changed_or_nobody(parts: dict[str, Any]) -> None:
    assert not find(facts(**({"accounts": [account()]} | parts)))


def test_of_a_pool_that_the_operator_shrank_too_only_the_known_pages() -> None:
    look = facts(accounts=[account()], boot=[boot(30)], poison=poison(MIB2, failures=1))
    assert "1 page of 2 MiB is gone" in found(look, "pages-dissolved")[0].what


def test_a_dissolved_page_that_was_replaced_is_not_missing() -> None:
    look = facts(accounts=[account()], boot=[boot(16)], poison=poison(MIB2, failures=1))
    assert not found(look, "pages-dissolved")


def test_seen_to_be_demoted() -> None:
    pools = [account(total=16 + 512), account(GIB, total=1, free=1, mapped=0)]
    demoted = event("demoted", 1, page_size=GIB, into_size=MIB2)
    finding = found(facts(accounts=pools, history=[demoted]), "pages-demoted")[0]
    assert finding.severity == "notice"
    assert finding.what == "1 page of 1 GiB was demoted into 512 pages of 2 MiB."
    assert finding.command == "echo 2 > /sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"


def test_what_is_missing_since_boot_came_back_smaller() -> None:
    pools = [account(total=16 + 1024), account(GIB, total=2, free=1, mapped=1)]
    look = facts(accounts=pools, boot=[boot(4, GIB), boot(16)])
    finding = only(look, "pages-demoted")
    assert finding.what == ("2 pages of 1 GiB (2 GiB) were demoted into 1024 pages of 2 MiB.")
    assert finding.key == f"pages-demoted:{GIB}"


@pytest.mark.parametrize("small", [16, 16 + 1023, 16 + 1025])
def test_a_smaller_pool_that_did_not_grow_by_as_much(small: int) -> None:
    pools = [account(total=small), account(GIB, total=2, free=1, mapped=1)]
    look = facts(accounts=pools, boot=[boot(4, GIB), boot(16)])
    assert not found(look, "pages-demoted")


def test_demoted_pages_are_not_dissolved() -> None:
    pools = [account(total=16 + 512), account(GIB, total=1, free=0, mapped=1)]
    look = facts(accounts=pools, boot=[boot(2, GIB), boot(16)], poison=poison(failures=1))
    assert not found(look, "pages-dissolved")
