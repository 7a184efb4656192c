import re
from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient

from hugescope_server.app import create_app
from hugescope_server.settings import ServerSettings
from tests.unit.server.made_server import http_client


@pytest.fixture
async def browser() -> AsyncIterator[AsyncClient]:
    async with http_client(create_app(ServerSettings())) as client:
        yield client


async def test_page_needs_nothing_from_elsewhere_and_no_inline_script(browser: AsyncClient) -> None:
    page = (await browser.get("/docs")).text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) == 4
    for link in links:
        if link.startswith("data:"):
            continue
        assert link.startswith("/docs/")
        assert (await browser.get(link)).status_code == 200
    assert re.findall(r"<script[^>]*>([^<]*)</script>", page) == ["", ""]


async def test_assets_are_swagger_ui(browser: AsyncClient) -> None:
    bundle = await browser.get("/docs/swagger-ui-bundle.js")
    assert bundle.headers["content-type"].startswith("text/javascript")
    assert "SwaggerUIBundle" in bundle.text
    start = (await browser.get("/docs/start.js")).text
    path = re.search(r'url: "([^"]+)"', start)
    assert path is not None
    assert (await browser.get(path[1])).json()["info"]["title"] == "HugeScope"


async def test_errors_are_described_as_they_are(browser: AsyncClient) -> None:
    document = (await browser.get("/openapi.json")).json()
    answers = document["paths"]["/api/v1/hosts/{host_id}/snapshot"]["get"]["responses"]
    for status in ("404", "422"):
        body = answers[status]["content"]["application/json"]["schema"]
        assert body == {"$ref": "#/components/schemas/ErrorBody"}
    assert "HTTPValidationError" not in document["components"]["schemas"]
