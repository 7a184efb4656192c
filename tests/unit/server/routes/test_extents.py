import csv
import io
import random
from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient

from hugescope_server.app import create_app
from hugescope_server.routes.services import Services
from hugescope_server.settings import ServerSettings
from hugescope_wire.extents import Extent, ExtentPage
from hugescope_wire.picture import runs_of
from tests.unit.server.made_host import MadeHost, hello
from tests.unit.server.made_server import http_client

START = 0x7F01_0000_0000
ASK = f"/api/v1/hosts/h:1/extents?pid=7&start={START:#x}"
ASK_CSV = ASK.replace("extents?", "extents.csv?")


@pytest.fixture
def host() -> MadeHost:
    made = MadeHost(random.Random(5))
    made.add(7, 300)
    return made


@pytest.fixture
async def client(host: MadeHost) -> AsyncIterator[AsyncClient]:
    moments = iter((50.0, *[53.5] * 99))
    app = create_app(ServerSettings(), clock=lambda: next(moments))
    services = app.state.services
    assert isinstance(services, Services)
    session = services.ingest.join(hello("h:1"), lambda: None)
    session.take(host.full())
    session.take(host.change_cells(1, [0]))
    async with http_client(app) as made:
        yield made


async def test_a_page_has_forty_extents_unless_asked_otherwise(
    client: AsyncClient, host: MadeHost
) -> None:
    answer = await client.get(ASK)
    assert answer.headers["cache-control"] == "no-store"
    page = ExtentPage.model_validate_json(answer.content)
    runs = runs_of(host.cells[1])
    assert (page.host_id, page.pid, page.start, page.offset) == ("h:1", 7, START, 0)
    assert (page.total, page.cells, len(page.extents)) == (len(runs), 300, 40)
    page = ExtentPage.model_validate_json((await client.get(f"{ASK}&offset=40&limit=1000")).content)
    assert page.offset == 40
    assert [extent.first for extent in page.extents] == [run.first for run in runs[40:]]


async def test_filters_are_lists_with_commas(client: AsyncClient, host: MadeHost) -> None:
    runs = runs_of(host.cells[1])
    answer = await client.get(f"{ASK}&state=poisoned,migrating&flag=&limit=1000")
    page = ExtentPage.model_validate_json(answer.content)
    wanted = [run.first for run in runs if run.state in ("poisoned", "migrating")]
    assert [extent.first for extent in page.extents] == wanted
    answer = await client.get(f"{ASK}&flag=inferred,exclusive&first=10&count=100&limit=1000")
    page = ExtentPage.model_validate_json(answer.content)
    assert page.extents
    for extent in page.extents:
        assert {"inferred", "exclusive"} & set(extent.flags)
        assert 10 <= extent.first < extent.first + extent.count <= 110


async def test_what_changed_is_told_by_the_servers_clock(client: AsyncClient) -> None:
    page = ExtentPage.model_validate_json((await client.get(f"{ASK}&limit=2")).content)
    assert [extent.changed_ago_s for extent in page.extents] == [pytest.approx(0, abs=0.2), None]


async def test_csv_has_all_of_it_under_a_name(client: AsyncClient, host: MadeHost) -> None:
    answer = await client.get(ASK_CSV)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["cache-control"] == "no-store"
    expected = 'attachment; filename="hugescope-h_1-7-7f0100000000.csv"'
    assert answer.headers["content-disposition"] == expected
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert header == list(Extent.model_fields)
    assert len(rows) == len(runs_of(host.cells[1]))
    some = await client.get(f"{ASK_CSV}&state=hole&count=50")
    assert {row[6] for row in list(csv.reader(io.StringIO(some.text)))[1:]} == {"hole"}


@pytest.mark.parametrize(
    ("path", "status", "code", "named"),
    [
        (ASK.replace("h:1", "h2"), 404, "no_such_host", "h2"),
        (ASK_CSV.replace("h:1", "h2"), 404, "no_such_host", "h2"),
        (ASK.replace("pid=7", "pid=8"), 404, "no_such_mapping", "8"),
        (ASK + "1", 404, "no_such_mapping", "0x7f01000000001"),
        (ASK.replace("start=0x", "start="), 422, "bad_request", "query.start"),
        ("/api/v1/hosts/h:1/extents?pid=7", 422, "bad_request", "query.start"),
        (ASK.replace("pid=7", "pid=0"), 422, "bad_request", "query.pid"),
        (ASK + "&state=dancing", 422, "bad_request", "query.state"),
        (ASK + "&state=hole,", 422, "bad_request", "query.state"),
        (ASK_CSV + "&flag=hole", 422, "bad_request", "query.flag"),
        (ASK + "&limit=0", 422, "bad_request", "query.limit"),
        (ASK + "&limit=1001", 422, "bad_request", "query.limit"),
        (ASK + "&offset=-1", 422, "bad_request", "query.offset"),
        (ASK + "&count=0", 422, "bad_request", "query.count"),
        (ASK + "&first=99999999999999999999", 422, "bad_request", "query.first"),
    ],
)
async def test_errors(client: AsyncClient, path: str, status: int, code: str, named: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert named in answer.json()["message"]
