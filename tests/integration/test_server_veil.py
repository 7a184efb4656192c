"""Everything that a real server sends to a viewer, looked through for true addresses."""

from __future__ import annotations

import asyncio
import random
import re
import struct
from collections.abc import Iterator

import httpx
from fastapi.routing import APIRoute
from websockets.asyncio.client import ClientConnection

from hugescope_agent.model.findings import find
from hugescope_server.app import create_app
from hugescope_server.auth.principal import Role
from hugescope_server.settings import ServerSettings
from hugescope_server.veil.places import UNIT_BYTES
from hugescope_wire.follow import FollowedHost
from hugescope_wire.messages import (
    VIEWER_PATH,
    Ack,
    Follow,
    HostSummary,
    Overview,
    PageAnswer,
    PageQuery,
    Subscribe,
)
from hugescope_wire.page import PageDetail
from hugescope_wire.snapshot import Snapshot
from hugescope_wire.view import View
from tests import access
from tests.integration.live_server import PATIENCE_S, LiveAgent, agent, live_server, socket_to
from tests.integration.test_server_travel import shelf_with
from tests.unit.agent.model.findings.test_find_fuzz import any_look
from tests.unit.server.made_host import PAGE_SIZE, MadeHost
from tests.unit.server.made_report import page
from tests.unit.server.test_every_route import flat
from tests.unit.server.timeline.made_time import made_archive, made_records
from tests.unit.server.veil.peeping import addresses_in

TRUE = [(0x7000_0000_0000, 1 << 47)]
"""Where all made-up mappings lie, and nothing else does."""

ELSEWHERE = {
    "/api/v1/migrations/{migration_id}": "tests/unit/server/veil/test_desk.py",
    "/api/v1/migrations/{migration_id}/arrivals": "tests/unit/server/veil/test_desk.py",
}


class Bytes:
    """What a viewer got: texts, and frames of cells."""

    def __init__(self, host: MadeHost) -> None:
        self.texts: list[str] = []
        self.frames: list[bytes] = []
        self._starts = [info.start for infos in host.infos.values() for info in infos.values()]

    def check(self) -> None:
        for text in self.texts:
            assert addresses_in(text, TRUE) == [], text[:2000]
        for start in self._starts:
            for number in (start, start >> 12, start // PAGE_SIZE):
                for order in "<>":
                    packed = struct.pack(f"{order}Q", number)
                    assert not any(packed in frame for frame in self.frames)


def made_host() -> MadeHost:
    host = MadeHost(random.Random(1))
    host.add(41, 1300, column=77)
    host.add(41, 20, column=500)
    host.add(42, 10)
    return host


def full_with_findings(host: MadeHost) -> bytes:
    """A frame with any report, and whatever is found in one: of processes 41 and 42 as well."""
    look = any_look(random.Random(8))
    findings = find(look)
    assert addresses_in(" ".join(one.what for one in findings), TRUE)
    return host.full(look.report.model_copy(update={"findings": findings}))


def viewer_to(url: str) -> httpx.AsyncClient:
    shown = access.bearer(Role.VIEWER)
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE_S, headers=shown)


async def summary(client: httpx.AsyncClient) -> HostSummary:
    """The host, once it is there."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = await client.get("/api/v1/hosts")
            hosts = Overview.model_validate_json(answer.content).hosts
            if hosts:
                return hosts[0]
            await asyncio.sleep(0.01)


async def answer_one(link: LiveAgent, detail: PageDetail) -> PageQuery:
    """What an agent does when it is asked for a page; the question."""
    query = PageQuery.model_validate_json(await asyncio.wait_for(link.socket.recv(), PATIENCE_S))
    answer = PageAnswer(query_id=query.query_id, page=detail)
    await link.socket.send(answer.model_dump_json())
    return query


def known_paths() -> Iterator[str]:
    """Every GET of the application that may tell of hosts."""
    for route in flat(create_app(ServerSettings()).routes):
        if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
            yield route.path


async def test_every_route_keeps_true_addresses_from_a_viewer() -> None:
    host = made_host()
    got = Bytes(host)
    with live_server() as url:
        async with agent(url, host) as link, viewer_to(url) as client:
            await link.send(full_with_findings(host))
            shown = await summary(client)
            assert shown.limits[0].capability == "addresses"
            starts = [one.start for process in shown.processes for one in process.mappings]
            assert starts == [UNIT_BYTES, 2 * UNIT_BYTES, UNIT_BYTES]
            true = host.infos[41][1].start
            mapper = {"comm": None, "shared": True, "shared_table": False}
            detail = page(
                pid=41,
                start=true,
                address=true + PAGE_SIZE,
                explanation=[f"Also mapped at {true + PAGE_SIZE:#x} by 41."],
                mapped_by=[{"pid": 41, "start": true, "address": true + PAGE_SIZE, **mapper}],
            )
            visited = set()
            for path, query in [
                ("/api/v1/hosts", ""),
                ("/api/v1/migrations", ""),
                ("/api/v1/history", ""),
                ("/api/v1/events", ""),
                ("/api/v1/health", ""),
                ("/api/v1/session", ""),
                ("/api/v1/tokens", ""),
                ("/api/v1/hosts/{host_id}/snapshot", ""),
                ("/api/v1/hosts/{host_id}/snapshot", "?pid=42"),
                ("/api/v1/hosts/{host_id}/extents", f"?pid=41&start={UNIT_BYTES:#x}&limit=900"),
                ("/api/v1/hosts/{host_id}/extents.csv", f"?pid=41&start={UNIT_BYTES:#x}"),
                ("/api/v1/compare", "?a=h1&b=h1"),
                ("/api/v1/compare", f"?a=h1/41/{UNIT_BYTES:#x}&b=h1/42/{UNIT_BYTES:#x}"),
                ("/api/v1/compare.csv", f"?a=h1/41/{UNIT_BYTES:#x}&b=h1/42/{UNIT_BYTES:#x}"),
            ]:
                answer = await client.get(path.format(host_id="h1") + query)
                wanted = 403 if path == "/api/v1/tokens" else 200
                assert answer.status_code == wanted, (path, answer.text)
                got.texts += [answer.text, str(answer.headers)]
                visited.add(path)
            asked = asyncio.create_task(
                client.get(f"/api/v1/hosts/h1/page?pid=41&address={UNIT_BYTES + PAGE_SIZE:#x}")
            )
            query_of = await answer_one(link, detail)
            assert (query_of.pid, query_of.address) == (41, true + PAGE_SIZE)
            seen = PageDetail.model_validate_json((await asked).content)
            assert (seen.start, seen.address) == (UNIT_BYTES, UNIT_BYTES + PAGE_SIZE)
            got.texts.append(seen.model_dump_json())
            visited.add("/api/v1/hosts/{host_id}/page")
            assert visited | set(ELSEWHERE) == {
                path for path in known_paths() if path.startswith("/api/")
            }
            got.check()
            await check_extents(client, host)


async def check_extents(client: httpx.AsyncClient, host: MadeHost) -> None:
    """Offsets in the mapping and in its file are true ones."""
    asked = {"pid": "41", "start": f"{UNIT_BYTES:#x}", "limit": "900"}
    body = (await client.get("/api/v1/hosts/h1/extents", params=asked)).json()
    assert body["start"] == UNIT_BYTES
    assert body["cells"] == len(host.cells[1])
    for extent in body["extents"]:
        assert extent["start"] - UNIT_BYTES == extent["first"] * PAGE_SIZE == extent["file_offset"]
        assert extent["end"] - extent["start"] == extent["count"] * PAGE_SIZE
    del asked["limit"]
    csv = await client.get("/api/v1/hosts/h1/extents.csv", params=asked)
    assert f"-41-{UNIT_BYTES:x}.csv" in csv.headers["content-disposition"]
    assert re.match(rf"0,\d+,{UNIT_BYTES:#x},", csv.text.splitlines()[1])


async def test_the_socket_keeps_true_addresses_from_a_viewer() -> None:
    host = made_host()
    got = Bytes(host)
    shown = access.bearer(Role.VIEWER)
    with live_server() as url:
        async with (
            agent(url, host) as link,
            socket_to(url, VIEWER_PATH, additional_headers=shown) as socket,
        ):
            await link.send(full_with_findings(host))
            await socket.send(
                Follow(
                    hosts=[FollowedHost(host_id="h1", thumbnails=[1, 2, 3], statistics=True)]
                ).model_dump_json()
            )
            kinds: set[str] = set()
            for mapping_id, shift in ((1, 0), (1, 3), (1, 9), (2, 0), (9, 0)):
                wish = Subscribe(
                    host_id="h1", mapping_id=mapping_id, epoch=host.epoch, view=View(shift=shift)
                )
                kinds |= await take_all(socket, wish, got, link)
            assert {"welcome", "overview", "report", "subscribed", "ended"} <= kinds
            assert {"thumbnails", "statistics", "migrations"} <= kinds
            got.check()
            assert len(got.frames) >= 4


async def take_all(
    socket: ClientConnection, wish: Subscribe, got: Bytes, link: LiveAgent
) -> set[str]:
    """Subscribe and keep all that comes, until cells came and a change of them, or no more will."""
    kinds: set[str] = set()
    frames, sent = 0, False
    async with asyncio.timeout(PATIENCE_S):
        await link.send(link.host.change_cells(1, [1]))
        while True:
            message = await socket.recv()
            if isinstance(message, bytes):
                got.frames.append(message)
                frames += 1
                ack = Ack(seq=struct.unpack_from("<Q", message, 8)[0])
                await socket.send(ack.model_dump_json())
            else:
                got.texts.append(message)
                kind = re.search(r'"type":"(\w+)"', message)
                assert kind is not None
                kinds.add(kind[1])
                if kind[1] == "overview" and '"hosts":[{' in message and not sent:
                    await socket.send(wish.model_dump_json())
                    sent = True
            if sent and (frames or "ended" in kinds) and "statistics" in kinds:
                return kinds


async def test_a_snapshot_of_a_viewer_is_the_operator_s_but_for_addresses() -> None:
    host = made_host()
    with live_server() as url:
        async with agent(url, host) as link, viewer_to(url) as client:
            await link.send(host.full())
            await summary(client)
            path = "/api/v1/hosts/h1/snapshot"
            seen = Snapshot.model_validate_json((await client.get(path)).content)
            true = Snapshot.model_validate_json(
                (await client.get(path, headers=access.bearer())).content
            )
    for mine, other in zip(seen.processes, true.processes, strict=True):
        for one, two in zip(mine.mappings, other.mappings, strict=True):
            assert one.end - one.start == two.end - two.start
            assert one.start != two.start
            assert one.model_copy(update={"start": two.start, "end": two.end}) == two


async def test_the_past_keeps_true_addresses_from_a_viewer() -> None:
    archive = made_archive(made_records(random.Random(7), 60))
    at_s = (archive.began_s + archive.ended_s) / 2
    at = f"at_s={at_s}"
    viewers: list[httpx.Response] = []
    operators: list[httpx.Response] = []
    with live_server(shelf=shelf_with(h1=archive)) as url:
        async with viewer_to(url) as client:
            for got, headers in ((viewers, {}), (operators, access.bearer())):
                hosts = await client.get(f"/api/v1/hosts?{at}", headers=headers)
                got.append(hosts)
                (host,) = Overview.model_validate_json(hosts.content).hosts
                process = host.processes[0]
                asked = f"{at}&pid={process.pid}&start={process.mappings[0].start:#x}"
                for path in (
                    f"hosts/h1/snapshot?{at}",
                    f"hosts/h1/extents?{asked}",
                    f"hosts/h1/extents.csv?{asked}",
                    f"compare?a=h1@{at_s}&b=h1",
                    f"migrations?{at}",
                    "history",
                    "events",
                ):
                    got.append(await client.get(f"/api/v1/{path}", headers=headers))
            true = f"{at}&pid={process.pid}&start={process.mappings[0].start:#x}"
            refused = await client.get(f"/api/v1/hosts/h1/extents?{true}")
            assert refused.json()["code"] == "address_hidden"
    assert {one.status_code for one in (*viewers, *operators)} == {200}
    for one in viewers:
        assert addresses_in(one.text, TRUE) == [], one.url
    assert all(addresses_in(one.text, TRUE) for one in operators[:5])
