"""Disks that fail: history stops with a word, the live view goes on, and it is tried again."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import random
import threading
from pathlib import Path

import pytest

from hugescope_server.app import create_app
from hugescope_server.history import history as history_module
from hugescope_server.history.history import TRY_AGAIN_S
from hugescope_server.settings import ServerSettings
from hugescope_wire.host import Limit
from tests.unit.server.history.made_history import Sender, World, files_of, read
from tests.unit.server.made_host import MadeHost
from tests.unit.server.made_server import MadeServer


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "history"


class Disk:
    """A disk that fills after so many bytes, in the middle of a write."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        self._write = os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, fd: int, data: bytes) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = data[: self.room]
        self.room -= len(taken)
        return self._write(fd, taken)


async def test_a_full_disk_is_told_once_and_tried_again(
    directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with World(directory).running() as world:
        told: list[Limit | None] = []
        world.history.on_limit = told.append
        sender = Sender(world)
        sender.send(10)
        await world.write()
        disk = Disk(monkeypatch, 700)
        for _ in range(4):
            sender.send(10)
            await world.write()
        assert world.history.limit is not None
        assert "No space left on device" in world.history.limit.reason
        assert str(directory) in world.history.limit.reason
        assert told == [world.history.limit]
        assert len([one for one in caplog.records if one.levelno >= logging.ERROR]) == 1
        kept = world.archive("h1").ended_s
        disk.room = 1 << 30
        world.now_s += TRY_AGAIN_S
        sender.send(10)
        await world.write()
        sender.send(10)
        await world.write()
        assert [told[-1], len(told)] == [None, 2]
        archive = world.archive("h1")
        (loss,) = archive.losses
        assert loss.since_s == kept
        assert loss.until_s is not None
        assert loss.why == "the history could not be written: No space left on device"
        hashes = {one for _, one in world.truth["h1"]}
        found = read(archive)
        assert {one for _, one in found} <= hashes
        assert found[-1][1] == world.truth["h1"][-1][1]
        assert not [at_s for at_s, _ in found if loss.since_s < at_s < loss.until_s]


async def test_a_place_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with World(tmp_path / "file" / "history").running() as world:
        Sender(world).send(3)
        await world.write()
        assert world.history.limit is not None
        assert "Not a directory" in world.history.limit.reason
        assert world.history.hosts() == []


async def test_a_second_server_keeps_its_hands_off(directory: Path) -> None:
    async with World(directory).running() as world:
        await world.write()
        async with World(directory).running() as other:
            Sender(other).send(3)
            await other.write()
            assert other.history.limit is not None
            assert "another server writes there" in other.history.limit.reason
    assert files_of(directory) == []


async def test_a_disk_that_does_not_answer_costs_bounded_memory_and_a_gap(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "MOST_WAITING_BYTES", 20_000)
    async with World(directory).running() as world:
        sender = Sender(world)
        sender.send(5)
        await world.write()
        answers = threading.Event()
        monkeypatch.setattr(os, "fdatasync", lambda _fd: answers.wait())
        sender.send(5)
        hanging = asyncio.create_task(world.history.write_now())
        await asyncio.sleep(0)
        sender.send(200)
        assert world.history.waiting_bytes <= 20_000
        answers.set()
        await hanging
        await world.write()
        sender.send(5)
        await world.write()
        (loss,) = world.archive("h1").losses
        assert loss.why == "the disk did not keep up"
        assert read(world.archive("h1"))[-1][1] == world.truth["h1"][-1][1]


async def test_what_goes_wrong_within_does_not_end_it(
    directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with World(directory).running() as world:
        sender = Sender(world)
        monkeypatch.setattr(world.history, "_keep_to_bounds", lambda: 1 / 0)
        sender.send(3)
        await world.write()
        assert "ZeroDivisionError" in caplog.text
        assert world.history.limit is not None
        monkeypatch.undo()
        world.now_s += TRY_AGAIN_S
        sender.send(3)
        await world.write()
        assert world.history.limit is None


def test_every_host_carries_the_limit_of_the_server() -> None:
    server = MadeServer()
    limit = Limit(capability="history", reason="full", cost="much", remedy=None)
    for host_id in ("h1", "h2"):
        host = MadeHost(random.Random(1))
        host.add(1, 5)
        server.join(host_id).take(host.full())
        server.hub.tell(limit)
    for told in (limit, None):
        server.hub.tell(told)
        version = server.hub.version
        hosts = json.loads(server.hub.overview_json(server.now))["hosts"]
        reasons = [[one["reason"] for one in host["limits"]] for host in hosts]
        assert [one.count("full") for one in reasons] == [1 if told else 0] * 2
        assert server.hub.version == version


async def test_the_application_keeps_history_unless_told_not_to(tmp_path: Path) -> None:
    settings = ServerSettings(history=True, state_dir=tmp_path)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        assert app.state.history is not None
        await app.state.history.write_now()
        assert (tmp_path / "history").is_dir()
    without = create_app(settings.model_copy(update={"history": False}))
    assert without.state.history is None
