import gzip
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from httpx import AsyncClient

from hugescope_server.app import create_app
from hugescope_server.routes.services import Services
from hugescope_server.settings import ServerSettings
from hugescope_wire.cells import PAGE_BYTES
from hugescope_wire.messages import Overview
from hugescope_wire.snapshot import Snapshot
from tests.unit.server.made_host import MadeHost, hello
from tests.unit.server.made_server import http_client


@dataclass
class Site:
    client: AsyncClient
    host: MadeHost


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    app = create_app(ServerSettings(), clock=lambda: 50.0)
    services = app.state.services
    assert isinstance(services, Services)
    host = MadeHost(random.Random(5))
    host.add(7, 300)
    host.add(9, 40)
    services.ingest.join(hello(), lambda: None).take(host.full())
    async with http_client(app) as client:
        yield Site(client, host)


async def test_list(site: Site) -> None:
    answer = await site.client.get("/api/v1/hosts")
    overview = Overview.model_validate_json(answer.content)
    assert [host.host_id for host in overview.hosts] == ["h1"]
    assert answer.headers["cache-control"] == "no-store"


async def test_snapshot_has_every_cell(site: Site) -> None:
    answer = await site.client.get("/api/v1/hosts/h1/snapshot")
    assert answer.json()["schema"] == "hugescope/snapshot/1"
    snapshot = Snapshot.model_validate_json(answer.content)
    assert [process.pid for process in snapshot.processes] == [7, 9]
    runs = snapshot.processes[0].mappings[0].runs
    states = [run.state for run in runs for _ in range(run.count)]
    bytes_of = [run.mapped_bytes for run in runs for _ in range(run.count)]
    cells = site.host.cells[1]
    assert len(states) == len(cells)
    assert [pages * PAGE_BYTES for pages in cells.mapped_pages.tolist()] == bytes_of


async def test_snapshot_of_some_processes(site: Site) -> None:
    answer = await site.client.get("/api/v1/hosts/h1/snapshot?pid=9")
    assert [process["pid"] for process in answer.json()["processes"]] == [9]
    both = (await site.client.get("/api/v1/hosts/h1/snapshot?pid=9&pid=7")).json()
    assert len(both["processes"]) == 2


@pytest.mark.parametrize(
    ("accepts", "packed"),
    [
        ("gzip", True),
        ("br;q=1.0, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("identity", False),
        ("", False),
    ],
)
async def test_gzip_when_accepted(site: Site, accepts: str, packed: bool) -> None:
    headers = {"accept-encoding": accepts}
    async with site.client.stream("GET", "/api/v1/hosts/h1/snapshot", headers=headers) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert (answer.headers.get("content-encoding") == "gzip") is packed
    assert answer.headers["vary"] == "Accept-Encoding"
    body = gzip.decompress(raw) if packed else raw
    assert Snapshot.model_validate_json(body).host.name == "box"


@pytest.mark.parametrize(
    ("path", "status", "code", "named"),
    [
        ("/api/v1/hosts/h2/snapshot", 404, "no_such_host", "h2"),
        ("/api/v1/hosts/h1/snapshot?pid=7&pid=12", 404, "no_such_pid", "12"),
        ("/api/v1/hosts/h1/snapshot?pid=x", 422, "bad_request", "query.pid"),
        ("/api/v1/nothing", 404, "not_found", "Not Found"),
    ],
)
async def test_errors(site: Site, path: str, status: int, code: str, named: str) -> None:
    answer = await site.client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert named in answer.json()["message"]
    assert set(answer.json()) == {"code", "message"}


async def test_health_and_page_headers(site: Site) -> None:
    answer = await site.client.get("/api/v1/health")
    assert answer.json() == {"status": "ok"}
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_foreign_host_is_refused(site: Site) -> None:
    answer = await site.client.get("/api/v1/hosts", headers={"host": "evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "host_not_allowed")
