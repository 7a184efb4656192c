"""Comparing moments of recordings over HTTP: across reboots, beside losses, behind damage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from httpx import AsyncClient

from hugescope_server import comparing
from hugescope_server.app import create_app
from hugescope_server.settings import ServerSettings
from hugescope_server.timeline.past import MAX_LOST
from hugescope_server.timeline.shelf import FileShelf
from hugescope_wire.archive import Archive, open_archive
from hugescope_wire.cells import CellState
from hugescope_wire.comparison import Comparison
from hugescope_wire.host import ProcessInfo
from hugescope_wire.recording import Loss, Record
from hugescope_wire.snapshot import HostInfo
from hugescope_wire.travel import LostTime
from tests.unit.server.made_server import http_client
from tests.unit.server.timeline.made_time import BEGAN_S, at, made_archive
from tests.unit.wire.made_wire import cells_of, full_frame, host_frame, mapping_info, whole_row
from tests.unit.wire.segments.made_series import parts_of, series, with_damaged_tail

CELLS = 8


def whole(after_s: float, pids: Sequence[int], state: CellState, boot_id: str = "b") -> Record:
    """All of a host: processes `vm`, each of one mapping, whose cells are alike."""
    infos = {pid: mapping_info(number, CELLS) for number, pid in enumerate(pids, 1)}
    processes = [ProcessInfo(pid=pid, comm="vm", mappings=[info]) for pid, info in infos.items()]
    about = host_frame(processes, host=HostInfo(name="box", kernel=None, boot_id=boot_id))
    cells = cells_of([whole_row(state)] * CELLS)
    raw = full_frame(about, {info.id: cells for info in infos.values()})
    return Record(after_s, at(raw, after_s))


def showing(archive: Archive) -> AsyncClient:
    """What shows this recording as host h1."""
    shelf = FileShelf()
    shelf.add(archive, "h1")
    return http_client(create_app(ServerSettings(), recorded=shelf))


async def compared(client: AsyncClient, a: str, b: str) -> Comparison:
    answer = await client.get("/api/v1/compare", params={"a": a, "b": b})
    assert answer.status_code == 200, answer.text
    return Comparison.model_validate_json(answer.content)


async def test_processes_pair_by_name_across_a_reboot() -> None:
    records = [
        whole(0.0, [41], CellState.HOLE, "boot-1"),
        whole(1.0, [9], CellState.MAPPED, "boot-2"),
    ]
    async with showing(made_archive(records)) as client:
        found = (await compared(client, f"h1@{BEGAN_S}", f"h1@{BEGAN_S + 1}")).document
    (mapping,) = found.mappings
    assert (mapping.a.pid, mapping.b.pid, mapping.matched_by) == (41, 9, "backing")
    assert (found.changed_cells, found.only_a, found.only_b) == (CELLS, [], [])


async def test_of_what_one_side_has_alone_the_first_are_listed_and_all_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(comparing, "MAX_LISTED", 2)
    records = [
        whole(0.0, [1, 2, 3, 4], CellState.HOLE),
        whole(1.0, [4, 5, 6, 7], CellState.MAPPED),
    ]
    async with showing(made_archive(records)) as client:
        found = await compared(client, f"h1@{BEGAN_S}", f"h1@{BEGAN_S + 1}")
    document = found.document
    assert [one.pid for one in document.processes_only_a] == [1, 2]
    assert [one.pid for one in document.processes_only_b] == [5, 6]
    assert (found.processes_only_a_total, found.processes_only_b_total) == (3, 3)
    assert (len(document.only_a), found.only_a_total) == (2, 3)
    assert (found.mapping_total, document.changed_cells) == (1, 7 * CELLS)


def told(lost: list[LostTime]) -> list[str]:
    return [one.why for one in lost]


async def test_losses_between_older_moments_are_named_however_many_came_after() -> None:
    count = 3 * MAX_LOST
    records = [whole(float(number), [1], CellState.HOLE) for number in range(count + 1)]
    losses = tuple(
        Loss(BEGAN_S + number + 0.25, BEGAN_S + number + 0.75, f"loss {number}")
        for number in range(count)
    )
    async with showing(made_archive(records, losses=losses)) as client:
        early = await compared(client, f"h1@{BEGAN_S + 1}", f"h1@{BEGAN_S + 3}")
        all_of = await compared(client, f"h1@{BEGAN_S + count}", f"h1@{BEGAN_S}")
    assert told(early.lost) == ["loss 1", "loss 2"]
    assert told(all_of.lost) == [f"loss {number}" for number in range(count - MAX_LOST, count)]


async def test_a_loss_that_ends_or_begins_at_a_moment_is_not_between() -> None:
    records = [whole(float(number), [1], CellState.HOLE) for number in range(9)]
    losses = tuple(
        Loss(BEGAN_S + begin, BEGAN_S + begin + 1, f"loss {begin}") for begin in (1, 4, 6)
    )
    async with showing(made_archive(records, losses=losses)) as client:
        found = await compared(client, f"h1@{BEGAN_S + 2}", f"h1@{BEGAN_S + 6}")
    assert told(found.lost) == ["loss 4"]


async def test_a_recording_with_a_damaged_end_is_meant_at_the_last_moment_that_is_known(
    tmp_path: Path,
) -> None:
    moments = series(12)
    path = tmp_path / "bad.hsrec"
    path.write_bytes(with_damaged_tail(parts_of(moments)))
    async with showing(open_archive(path)) as client:
        found = await compared(client, "h1", f"h1@{moments[7].at_s:.6f}")
    assert found.a.at_s == moments[7].at_s
    assert found.document.same
