"""A real server keeps what a real link brings, ends in order, and goes on after a restart."""

from __future__ import annotations

import random
from pathlib import Path

from hugescope_server.history.archive import HistoryArchive
from hugescope_server.settings import ServerSettings
from hugescope_wire.archive import applied
from hugescope_wire.frames import decode_frame
from hugescope_wire.picture import HostPicture
from hugescope_wire.statehash import state_hash
from tests.integration.live_server import agent, live_server, until
from tests.unit.server.made_host import MadeHost

FRAMES = 30


async def lived(settings: ServerSettings, directory: Path, seed: int, before: int) -> list[str]:
    """One run of a server with one agent; hashes of what the agent sent."""
    host, picture, hashes = MadeHost(random.Random(seed)), HostPicture(), []
    host.add(1, 50)
    with live_server(settings) as url:
        async with agent(url, host) as link:
            for number in range(FRAMES):
                frame = host.step() if number else host.full()
                picture.apply(decode_frame(frame))
                hashes.append(state_hash(picture))
                await link.send(frame)
            await until(lambda: len(kept(directory)) == before + FRAMES, "all frames on disk")
    return hashes


def kept(directory: Path) -> list[str]:
    picture, hashes = HostPicture(), []
    archive = HistoryArchive(directory / "h1", "h1")
    if archive.began_s:
        for record in archive.records():
            applied(picture, record.frame)
            hashes.append(state_hash(picture))
    return hashes


async def test_two_runs_of_a_server_are_one_history(tmp_path: Path) -> None:
    settings = ServerSettings(
        port=0, late_after_s=600, gone_after_s=600, history=True, history_dir=tmp_path
    )
    first = await lived(settings, tmp_path, 1, 0)
    second = await lived(settings, tmp_path, 2, FRAMES)
    assert kept(tmp_path) == first + second
    (loss,) = HistoryArchive(tmp_path / "h1", "h1").losses
    assert "the server was not running" in loss.why
