"""Travelling in time through a real viewer socket."""

from __future__ import annotations

import random
from functools import partial

from hugescope_server.timeline.shelf import FileShelf
from hugescope_wire.archive import Archive, picture_at
from hugescope_wire.cells import Cells
from hugescope_wire.messages import HostSummary
from hugescope_wire.picture import HostPicture
from hugescope_wire.travel import TimeState, Travel
from tests.integration.live_server import UNHURRIED, LiveViewer, live_server, viewer
from tests.unit.server.made_viewer import same
from tests.unit.server.timeline.made_time import made_archive, made_records

MOMENTS = 100
HASTY = UNHURRIED.model_copy(update={"viewer_messages_hz": 10_000.0})
"""This viewer asks for more than a hand does."""


def shown(viewer: LiveViewer) -> HostSummary:
    assert viewer.seen.overview is not None
    (host,) = viewer.seen.overview.hosts
    return host


async def travelled(viewer: LiveViewer, wish: Travel) -> TimeState:
    """Where the viewer is, once what it sees is of there."""
    viewer.seen.time = None
    viewer.seen.overview = None
    await viewer.socket.send(wish.model_dump_json())

    def there() -> bool:
        time = viewer.seen.time
        arrived = time is not None and (time.problem is not None or time.at_s == wish.at_s)
        return arrived and viewer.seen.overview is not None

    await viewer.until(there, f"the moment {wish.at_s}")
    assert viewer.seen.time is not None
    return viewer.seen.time


async def sees(viewer: LiveViewer, was: HostPicture) -> None:
    """Everything that the viewer can see is as it was."""
    await viewer.until(partial(is_told, viewer, told_of(was)), "the overview")
    for number, cells in was.cells.items():
        await viewer.subscribe(number)
        await viewer.until(partial(shows, viewer, cells), f"cells of mapping {number}")


def is_told(viewer: LiveViewer, what: object) -> bool:
    return told(shown(viewer)) == what


def shows(viewer: LiveViewer, cells: Cells) -> bool:
    return same(viewer.seen.cells, cells)


def told(host: HostSummary) -> object:
    mappings = [
        (process.pid, info.id, info.start, info.end, info.state_counts)
        for process in host.processes
        for info in process.mappings
    ]
    return host.taken_at, host.pools, mappings


def told_of(picture: HostPicture) -> object:
    assert picture.about is not None
    mappings = [
        (process.pid, info.id, info.start, info.end, picture.cells[info.id].state_counts())
        for process in picture.about.processes
        for info in process.mappings
    ]
    return picture.about.taken_at, picture.about.pools, mappings


def shelf_with(**archives: Archive) -> FileShelf:
    shelf = FileShelf()
    for host_id, archive in archives.items():
        shelf.add(archive, host_id)
    return shelf


async def test_a_replay_equals_what_was_live_at_a_hundred_moments() -> None:
    archive = made_archive(made_records(random.Random(7), 200, restart_at=100))
    rng = random.Random(8)
    with live_server(HASTY, shelf_with(h1=archive)) as url:
        async with viewer(url) as looks:
            for _ in range(MOMENTS):
                at_s = rng.uniform(archive.began_s, archive.ended_s)
                time = await travelled(looks, Travel(at_s=at_s, playing=False))
                assert time.problem is None
                assert not time.live
                await sees(looks, picture_at(archive, at_s))
                assert shown(looks).source.kind == "replay"
