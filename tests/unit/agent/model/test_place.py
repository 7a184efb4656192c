"""Bytes by node, and cells that lie where the policy does not allow."""

from itertools import pairwise

import numpy as np
import pytest

from hugescope_agent.kernel.numa import parse_policy
from hugescope_agent.model.place import CellRun, Placement, place
from hugescope_wire.cells import UNKNOWN_NODE, Cells, CellState

MIB2 = 2 << 20
HOLE, LOST = -1, UNKNOWN_NODE


def cells(*nodes: int, pages: int = 512) -> Cells:
    """A cell a node; a hole maps nothing whatever its node column says."""
    made = Cells.holes(len(nodes))
    made.node[:] = [0 if node == HOLE else node for node in nodes]
    made.mapped_pages[:] = [0 if node == HOLE else pages for node in nodes]
    made.state[:] = [CellState.HOLE if node == HOLE else CellState.MAPPED for node in nodes]
    return made


@pytest.mark.parametrize(
    "policy",
    ["bind:1", "bind=static:1", "interleave:1,3", "weighted interleave:1", "prefer:1",
     "prefer (many):1-2"],
)  # fmt: skip
def test_cells_elsewhere(policy: str) -> None:
    found = place(cells(1, 0, 0, HOLE, 0, 1, 4, HOLE), parse_policy(policy))
    assert found == Placement(
        {0: 3 * MIB2, 1: 2 * MIB2, 4: MIB2},
        0,
        4 * MIB2,
        (CellRun(1, 2), CellRun(4, 1), CellRun(6, 1)),
    )


def test_nothing_misplaced() -> None:
    found = place(cells(0, HOLE, 1), parse_policy("bind:0-1"))
    assert found == Placement({0: MIB2, 1: MIB2}, 0, 0, ())


@pytest.mark.parametrize("policy", ["default", "local"])
def test_a_policy_that_names_no_node(policy: str) -> None:
    assert place(cells(0, 1, LOST), parse_policy(policy)) == Placement(
        {0: MIB2, 1: MIB2}, MIB2, 0, ()
    )


@pytest.mark.parametrize("policy", ["unknown:0", "brand new:0", "bind", "bind:0-x"])
def test_a_policy_that_is_not_known(policy: str) -> None:
    assert place(cells(0, 1), parse_policy(policy)) == Placement({0: MIB2, 1: MIB2}, 0, None, ())


def test_no_policy() -> None:
    assert place(cells(0), None) == Placement({0: MIB2}, 0, None, ())


def test_a_page_on_an_unknown_node_leaves_the_sum_unknown() -> None:
    found = place(cells(0, LOST, 1, LOST), parse_policy("bind:0"))
    assert found == Placement({0: MIB2, 1: MIB2}, 2 * MIB2, None, (CellRun(2, 1),))


def test_a_hole_on_an_unknown_node_does_not() -> None:
    made = cells(0, HOLE)
    made.node[1] = UNKNOWN_NODE
    assert place(made, parse_policy("bind:1")).misplaced_bytes == MIB2


def test_parts_of_pages_count_with_what_is_mapped() -> None:
    found = place(cells(0, 1, pages=3), parse_policy("bind:0"))
    assert found == Placement({0: 3 << 12, 1: 3 << 12}, 0, 3 << 12, (CellRun(1, 1),))


def test_many_1_gib_pages_do_not_overflow() -> None:
    made = cells(*[0] * 20_000, pages=1 << 18)
    assert place(made, parse_policy("bind:1")) == Placement(
        {0: 20_000 << 30}, 0, 20_000 << 30, (CellRun(0, 20_000),)
    )


def test_no_cells() -> None:
    assert place(Cells.holes(0), parse_policy("bind:0")) == Placement({}, 0, 0, ())


def test_as_a_plain_loop_has_it() -> None:
    nodes = np.random.default_rng(7).integers(-1, 4, 500)
    found = place(cells(*map(int, nodes)), parse_policy("bind:1,3"))
    stray = [at for at, node in enumerate(nodes) if node in (0, 2)]
    assert found.misplaced_bytes == len(stray) * MIB2
    runs = [range(run.first, run.first + run.count) for run in found.misplaced]
    assert [at for run in runs for at in run] == stray
    assert all(one.stop < other.start for one, other in pairwise(runs))
