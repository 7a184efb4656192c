"""All finders together."""

from typing import get_args

from hugescope_agent.model.findings import find
from hugescope_wire.findings import SEVERITIES, FindingCode, severity_rank
from hugescope_wire.host import Limit
from hugescope_wire.report import GuestMemory
from tests.unit.agent.model.findings.made_facts import account, cells, facts, pool, private
from tests.unit.agent.model.findings.made_facts import process as process_
from tests.unit.wire.made_wire import GIB


def test_a_healthy_host_has_no_findings() -> None:
    info = private(1, "mmmm")
    look = facts(process_(41, info), shown={1: cells("mmmm")}, accounts=[account()], pools=[pool()])
    assert find(look) == []


def test_the_most_severe_come_first_then_by_code_and_key() -> None:
    info = private(1, "mx")
    look = facts(
        process_(41, info),
        shown={1: cells("mx")},
        accounts=[
            account(unattributed=1),
            account(GIB, total=1, free=1, mapped=0, available=1),
        ],
        pools=[pool(reserved=-5)],
        guest_memory=[GuestMemory(pid=50, comm="vm", fd=3, size_bytes=GIB, allocated_bytes=None)],
        limits=[Limit(capability="pfn", reason="hidden", cost="unknown", remedy=None)],
    )
    assert [finding.code for finding in find(look)] == [
        "poisoned-page",
        "odd-counter",
        "idle-pool",
        "partial-view",
        "unattributed-pages",
        "guest-memory-unmapped",
    ]


def test_severities_are_ordered() -> None:
    assert [severity_rank(level) for level in SEVERITIES] == [0, 1, 2, 3]
    assert SEVERITIES[-1] == "critical"


def test_codes_are_distinct() -> None:
    codes = get_args(FindingCode)
    assert len(set(codes)) == len(codes) == 21
