"""What tests read of a migration's states and log."""

from __future__ import annotations

import struct

from hugescope_wire.migration import MigrationState
from tests.unit.server.migration.made_vms import MadeVm, World


def names(state: MigrationState) -> list[str]:
    return [span.phase for span in state.phases]


def records(world: World) -> list[tuple[int, int, int, float, float]]:
    """Cell, block, kind, time and missing_s of each."""
    world.now += 1
    data = world.desk.arrivals(world.only(), 0)
    magic, version, since, total, base_s = struct.unpack_from("<4sIQQd", data)
    assert (magic, version, since) == (b"HSAR", 1, 0)
    found = [
        (cell, block, kind, base_s + after_s, missing_s)
        for cell, block, kind, zero, after_s, missing_s in struct.iter_unpack("<IHBBff", data[32:])
        if zero == 0
    ]
    assert len(found) == total
    return found


def precopy(world: World, destination: MadeVm, pages: int) -> None:
    for cell in range(pages):
        destination.come(cell)
        world.step()


def assert_nothing_moves(state: MigrationState) -> None:
    assert state.time_left is None
    assert state.dark == 0
    assert all(one.arrived_s is not None for one in state.demanded)
    last = state.points[-1]
    assert (last.sweep, last.demand, last.punched) == (0, 0, 0)
    assert state.collapse is None or state.collapse.fails_at_s is None
    assert state.collapse is None or not state.collapse.without_reservation
