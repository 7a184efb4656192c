"""What was live a moment ago, looked at again: through the server's own history."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import httpx

from hugescope_server.auth.principal import Role
from hugescope_server.history.archive import HistoryArchive
from hugescope_server.settings import ServerSettings
from hugescope_wire.frames import decode_frame
from hugescope_wire.picture import HostPicture
from hugescope_wire.travel import Travel
from tests import access
from tests.integration.live_server import (
    PATIENCE_S,
    UNHURRIED,
    agent,
    http_to,
    live_server,
    until,
    viewer,
)
from tests.integration.test_server_travel import MOMENTS, sees, shown, travelled
from tests.unit.server.made_host import MadeHost

FRAMES = 60


def settings_of(tmp_path: Path) -> ServerSettings:
    more = {"history": True, "history_dir": tmp_path / "history", "viewer_messages_hz": 10_000.0}
    return UNHURRIED.model_copy(update=more)


def frozen(picture: HostPicture) -> HostPicture:
    return HostPicture(picture.seq, picture.about, picture.mappings, picture.cells)


async def lived(url: str, archive: HistoryArchive, host: MadeHost) -> list[HostPicture]:
    """A host that sends `FRAMES` frames and leaves; what it was after each, once all are stored."""
    picture, truth = HostPicture(), []
    async with agent(url, host) as link:
        for number in range(FRAMES):
            raw = host.step() if number else host.full()
            picture.apply(decode_frame(raw))
            truth.append(frozen(picture))
            await link.send(raw)

        def all_there() -> bool:
            archive.refresh()
            return bool(archive.began_s) and len(times_of(archive)) == FRAMES

        await until(all_there, "the history of all frames")
    return truth


def times_of(archive: HistoryArchive) -> list[float]:
    return [record.at_s for record in archive.records()]


async def get(client: httpx.AsyncClient, path: str, **asked: Any) -> tuple[int, Any]:
    answer = await client.get(path, params=asked)
    return answer.status_code, answer.json()


async def test_what_was_live_is_seen_again_at_a_hundred_moments(tmp_path: Path) -> None:
    archive = HistoryArchive(tmp_path / "history" / "h1", "h1")
    host = MadeHost(random.Random(11))
    host.add(1, 200)
    rng = random.Random(12)
    with live_server(settings_of(tmp_path)) as url:
        truth = await lived(url, archive, host)
        times = times_of(archive)
        async with viewer(url) as looks, http_to(url) as client:
            for _ in range(MOMENTS):
                number = rng.randrange(FRAMES)
                until_s = times[number + 1] if number + 1 < FRAMES else times[number] + 1e-6
                at_s = rng.choice((times[number], (times[number] + until_s) / 2))
                time = await travelled(looks, Travel(at_s=at_s, playing=False))
                assert (time.live, time.can_be_live) == (False, True)
                await sees(looks, truth[number])
                assert shown(looks).source.kind == "replay"
            status, body = await get(client, "/api/v1/hosts/h1/snapshot", at_s=times[20])
            assert status == 200
            assert body == truth[20].snapshot().model_dump(mode="json")


async def test_the_present_goes_on_beside_who_travels(tmp_path: Path) -> None:
    archive = HistoryArchive(tmp_path / "history" / "h1", "h1")
    host = MadeHost(random.Random(13))
    host.add(1, 50)
    with live_server(settings_of(tmp_path)) as url:
        truth = await lived(url, archive, host)
        async with viewer(url) as travels, viewer(url) as stays:
            await travelled(travels, Travel(at_s=times_of(archive)[3], playing=False))
            await sees(travels, truth[3])
            await sees(stays, truth[-1])
            assert shown(stays).source.kind == "live"
            travels.seen.time = None
            await travels.socket.send(Travel(at_s=None).model_dump_json())
            await travels.until(lambda: bool(travels.seen.time and travels.seen.time.live), "live")
            await sees(travels, truth[-1])
            assert shown(travels).source.kind == "live"


async def test_a_new_server_shows_what_the_one_before_saw(tmp_path: Path) -> None:
    archive = HistoryArchive(tmp_path / "history" / "h1", "h1")
    host = MadeHost(random.Random(14))
    host.add(1, 50)
    with live_server(settings_of(tmp_path)) as url:
        truth = await lived(url, archive, host)
    with live_server(settings_of(tmp_path)) as url:
        async with viewer(url) as looks:
            await looks.until(
                lambda: bool(looks.seen.time and looks.seen.time.since_s), "the history"
            )
            await travelled(looks, Travel(at_s=times_of(archive)[30], playing=False))
            await sees(looks, truth[30])


async def test_what_happened_is_kept_over_a_restart(tmp_path: Path) -> None:
    archive = HistoryArchive(tmp_path / "history" / "h1", "h1")
    host = MadeHost(random.Random(15))
    host.add(1, 50)

    async def events(url: str) -> list[dict[str, Any]]:
        async with http_to(url) as client:
            _, body = await get(client, "/api/v1/events")
            return [one for one in body["events"] if one["kind"].startswith("process")]

    with live_server(settings_of(tmp_path)) as url:
        await lived(url, archive, host)
        first = await events(url)
        assert {one["kind"] for one in first} == {"process_start", "process_end"}
        assert all(one["host_id"] == "h1" for one in first)
    with live_server(settings_of(tmp_path)) as url:
        async with asyncio.timeout(PATIENCE_S):
            while await events(url) != first:  # noqa: ASYNC110 - the state of another thread
                await asyncio.sleep(0.05)


async def test_an_admin_deletes_what_is_kept_and_nobody_else(tmp_path: Path) -> None:
    archive = HistoryArchive(tmp_path / "history" / "h1", "h1")
    host = MadeHost(random.Random(16))
    host.add(1, 50)
    with live_server(settings_of(tmp_path)) as url:
        await lived(url, archive, host)
        async with http_to(url) as client:
            assert (await client.delete("/api/v1/history/h1")).status_code == 403
            admin = access.bearer(Role.ADMIN)
            answer = await client.delete("/api/v1/history/h1", headers=admin)
            assert answer.status_code == 204
            assert (await get(client, "/api/v1/history"))[1]["hosts"] == []
            assert (await get(client, "/api/v1/events"))[1]["events"] == []
            again = await client.delete("/api/v1/history/h1", headers=admin)
            assert (again.status_code, again.json()["code"]) == (404, "no_such_history")
        async with viewer(url) as looks:
            time = await travelled(looks, Travel(at_s=1.0, playing=False))
            assert "nothing was recorded" in (time.problem or "")
