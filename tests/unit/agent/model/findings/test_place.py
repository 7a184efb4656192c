import pytest

from hugescope_wire.report import Policy
from tests.unit.agent.model.findings.made_facts import (
    about,
    cells,
    facts,
    found,
    mapping,
    only,
    pool,
    process,
)
from tests.unit.wire.made_wire import MIB2


@pytest.mark.parametrize(
    ("mode", "severity"),
    [
        ("bind", "warning"),
        ("interleave", "warning"),
        ("weighted interleave", "warning"),
        ("prefer", "notice"),
        ("prefer (many)", "notice"),
    ],
)
def test_pages_on_a_node_that_the_policy_does_not_name(mode: str, severity: str) -> None:
    info = mapping(1, "mmhm")
    policy = Policy(text=f"{mode}:1", mode=mode, nodes=[1])
    known = about(info, policy=policy, misplaced_bytes=2 * MIB2, node_bytes={0: 2 * MIB2, 1: MIB2})
    look = facts(process(41, info), shown={1: cells("mmhm", node=[0, 1, 255, 0])}, mappings=[known])
    finding = only(look, "wrong-node")
    assert finding.severity == severity
    assert f"4 MiB on node 0 of its mapping at {info.start:#x}" in finding.what
    assert f"{mode}:1." in finding.what
    assert finding.command == "migratepages 41 0 1"
    assert [(link.first, link.count) for link in finding.links] == [(0, 1), (3, 1)]


@pytest.mark.parametrize(
    ("free", "says"), [(0, "Add 2 free pages"), (1, "Add 1 free page "), (2, "2 free pages of")]
)
def test_pages_move_only_to_free_ones(free: int, says: str) -> None:
    info = mapping(1, "mm")
    policy = Policy(text="bind:1", mode="bind", nodes=[1])
    known = about(info, policy=policy, misplaced_bytes=2 * MIB2, node_bytes={0: 2 * MIB2})
    pools = [pool(node=0, free=9, reserved=None), pool(node=1, free=free, reserved=None)]
    look = facts(process(41, info), mappings=[known], pools=pools)
    assert says in only(look, "wrong-node").advice


@pytest.mark.parametrize("misplaced", [0, None])
def test_nothing_misplaced_or_nothing_known(misplaced: int | None) -> None:
    info = mapping(1, "mm")
    policy = Policy(text="bind:0", mode="bind", nodes=[0])
    look = facts(
        process(41, info), mappings=[about(info, policy=policy, misplaced_bytes=misplaced)]
    )
    assert not found(look, "wrong-node")
