from pathlib import Path

import pytest
from httpx import AsyncClient

from hugescope_server.app import create_app
from hugescope_server.settings import ServerSettings
from tests.unit.server.made_server import http_client


def client(static_dir: Path) -> AsyncClient:
    return http_client(create_app(ServerSettings(static_dir=static_dir)))


@pytest.fixture
def built(tmp_path: Path) -> Path:
    static_dir = tmp_path / "static"
    (static_dir / "assets").mkdir(parents=True)
    (static_dir / "index.html").write_text("<title>HugeScope</title>")
    (static_dir / "assets" / "app-1a2b.js").write_text("1")
    (tmp_path / "secret").write_text("no")
    return static_dir


async def test_index_is_asked_for_each_time_and_assets_never_again(built: Path) -> None:
    async with client(built) as browser:
        index = await browser.get("/")
        assert index.text == "<title>HugeScope</title>"
        assert index.headers["cache-control"] == "no-cache"
        script = await browser.get("/assets/app-1a2b.js")
        assert "javascript" in script.headers["content-type"]
        assert "immutable" in script.headers["cache-control"]
        again = await browser.get("/", headers={"if-none-match": index.headers["etag"]})
        assert again.status_code == 304


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/assets", "/nothing", "/a%00b"])
async def test_nothing_else_is_served(built: Path, path: str) -> None:
    async with client(built) as browser:
        answer = await browser.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_unbuilt_front_end_says_what_to_run(tmp_path: Path) -> None:
    async with client(tmp_path / "static") as browser:
        answer = await browser.get("/")
        assert answer.status_code == 503
        assert answer.headers["content-type"].startswith("text/html")
        assert "npm --prefix frontend run build" in answer.text


async def test_other_methods(built: Path) -> None:
    async with client(built) as browser:
        assert (await browser.head("/")).status_code == 200
        answer = await browser.post("/")
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
