"""Properties of the link, under everything that can happen to it: a model of 100,000 steps."""

from collections import Counter

import pytest

from tests.unit.made_link import RING_BYTES, World

STEPS = 25_000


@pytest.mark.parametrize("seed", range(4))
def test_the_server_has_what_the_agent_has_and_no_gap_passes_unseen(seed: int) -> None:
    world = World(seed)
    for number in range(STEPS):
        world.step()
        assert world.agent.outbox.kept_bytes <= RING_BYTES
        if number % 100 == 99:
            world.settle()
    seen = Counter(world.counts)
    happened = {
        *("recovered", "not recovered", "late", "in time", "cut", "dropped", "duplicated"),
        *("reordered", "agent restarts", "server restarts", "refused: bad_seq"),
        *("refused: replaced", "agent_restarted", "host_restarted", "server_restarted"),
        *("not_kept", "not_looked"),
    }
    assert happened <= seen.keys(), "the model is of no use where it does not come to this"
