import logging
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from hugescope_server.app import ATTEMPTS, create_app
from hugescope_server.auth.principal import Role
from hugescope_server.auth.store import TOKENS_FILE, TokenStore
from hugescope_server.settings import ServerSettings
from tests.unit.server.made_server import http_client

DAY_S = 86_400


@dataclass
class Site:
    directory: Path
    now: float = 1_000_000.0

    def app(self, **more: object) -> FastAPI:
        """A server of this directory; another one is that after a restart."""
        settings = ServerSettings(state_dir=self.directory, **more)  # type: ignore[arg-type]
        clock: Callable[[], float] = lambda: self.now  # noqa: E731
        return create_app(settings, clock, wall_clock=clock)

    def client(self, **more: object) -> AsyncClient:
        return http_client(self.app(**more), {})

    @property
    def store(self) -> TokenStore:
        return TokenStore(self.directory, lambda: self.now)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "state")


async def log_in(client: AsyncClient, secret: str) -> int:
    return (await client.post("/api/v1/login", json={"secret": secret})).status_code


async def known(client: AsyncClient) -> bool:
    return (await client.get("/api/v1/session")).status_code == 200


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
async def test_a_token_and_a_code_open_a_session_of_their_role(site: Site, role: Role) -> None:
    for secret in (site.store.create(role)[0], site.store.new_code(role)):
        async with site.client() as browser:
            answer = await browser.post("/api/v1/login", json={"secret": f" {secret}\n"})
            assert answer.json() == {"role": role, "expires_at": site.now + DAY_S}
            assert answer.headers["cache-control"] == "no-store"
            assert (await browser.get("/api/v1/session")).json()["role"] == role
            assert (await browser.get("/api/v1/hosts")).status_code == 200


async def test_the_cookie_is_for_this_port_and_for_no_script(site: Site) -> None:
    async with site.client() as browser:
        answer = await browser.post(
            "http://localhost:8765/api/v1/login", json={"secret": site.store.new_code(Role.VIEWER)}
        )
        (morsel,) = SimpleCookie(answer.headers["set-cookie"]).values()
        assert morsel.key == "hugescope-8765"
        assert (morsel["httponly"], morsel["samesite"], morsel["secure"]) == (True, "strict", "")
        assert (morsel["path"], morsel["domain"], morsel["max-age"]) == ("/", "", str(DAY_S))


async def test_under_tls_it_is_for_this_host_alone(site: Site) -> None:
    async with site.client(behind_proxy=True) as browser:
        for headers, name in (({"X-Forwarded-Proto": "https"}, "__Host-"), ({}, "")):
            answer = await browser.post(
                "/api/v1/login",
                json={"secret": site.store.new_code(Role.VIEWER)},
                headers=headers,
            )
            (morsel,) = SimpleCookie(answer.headers["set-cookie"]).values()
            assert morsel.key.startswith(f"{name}hugescope-")
            assert bool(morsel["secure"]) is bool(name)


async def test_nobody_but_a_known_proxy_says_what_the_browser_speaks(site: Site) -> None:
    async with site.client() as browser:
        answer = await browser.post(
            "/api/v1/login",
            json={"secret": site.store.new_code(Role.VIEWER)},
            headers={"X-Forwarded-Proto": "https"},
        )
        assert "secure" not in answer.headers["set-cookie"].lower()


async def test_a_one_time_code_works_once_also_after_a_restart(site: Site) -> None:
    code = site.store.new_code(Role.OPERATOR)
    async with site.client() as first:
        assert await log_in(first, code) == 200
        assert await log_in(first, code) == 401
    async with site.client() as after_a_restart:
        assert await log_in(after_a_restart, code) == 401


async def test_a_session_outlives_the_server_and_ends_in_time(site: Site) -> None:
    async with site.client() as browser:
        assert await log_in(browser, site.store.new_code(Role.OPERATOR)) == 200
        cookies = browser.cookies
    async with site.client() as later:
        later.cookies = cookies
        assert await known(later)
        site.now += DAY_S
        assert not await known(later)


async def test_a_session_ends_with_its_token(site: Site) -> None:
    token, made = site.store.create(Role.OPERATOR)
    async with site.client() as browser:
        assert await log_in(browser, token) == 200
        assert await known(browser)
        site.store.revoke(made.id)
        assert not await known(browser)


async def test_who_logs_out_is_out_with_every_copy_of_the_cookie(site: Site) -> None:
    async with site.client() as browser, site.client() as thief:
        assert await log_in(browser, site.store.new_code(Role.OPERATOR)) == 200
        thief.cookies.update(browser.cookies)
        assert await known(thief)
        answer = await browser.post("/api/v1/logout")
        assert answer.status_code == 204
        assert "max-age=0" in answer.headers["set-cookie"].lower()
        assert not await known(browser)
        assert not await known(thief)


async def test_a_token_goes_on_after_a_logout(site: Site) -> None:
    token, _ = site.store.create(Role.OPERATOR)
    async with site.client() as program:
        program.headers["Authorization"] = f"Bearer {token}"
        assert (await program.post("/api/v1/logout")).status_code == 204
        assert await known(program)


async def test_a_wrong_bearer_is_not_made_good_by_a_cookie(site: Site) -> None:
    async with site.client() as browser:
        assert await log_in(browser, site.store.new_code(Role.OPERATOR)) == 200
        wrong = {"Authorization": "Bearer x"}
        assert (await browser.get("/api/v1/session", headers=wrong)).status_code == 401


async def test_an_agents_token_logs_nobody_in(site: Site) -> None:
    token, _ = site.store.create(Role.AGENT, "h1")
    async with site.client() as browser:
        assert await log_in(browser, token) == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"secret": 5}',
        b'{"secret": ""}',
        b'{"secret": "hidden-' + b"x" * 300 + b'"}',
        b"[" * 500,
        b'{"secret": NaN}',
        b"\xff\xfe",
        b"x" * 100_000,
    ],
)
async def test_other_bodies_are_refused_and_not_repeated(site: Site, body: bytes) -> None:
    async with site.client() as browser:
        answer = await browser.post("/api/v1/login", content=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")
        assert "hidden" not in answer.text


async def test_guessing_is_slowed_down_for_who_guesses(site: Site) -> None:
    code = site.store.new_code(Role.OPERATOR)
    async with site.client() as browser:
        for _ in range(ATTEMPTS):
            assert await log_in(browser, "guess") == 401
        answer = await browser.post("/api/v1/login", json={"secret": code})
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
        assert int(answer.headers["retry-after"]) >= 1
        site.now += 2.0
        assert await log_in(browser, code) == 200, "the code was not used up by what was refused"


async def test_no_secret_is_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token, _ = site.store.create(Role.OPERATOR)
    code = site.store.new_code(Role.OPERATOR)
    async with site.client() as browser:
        for secret in (token, code, code):
            await log_in(browser, secret)
        await browser.get(f"/api/v1/hosts?token={token}", headers={"Authorization": "Bearer x"})
        (cookie,) = browser.cookies.values()
    said = [record.getMessage() for record in caplog.records if record.name != "httpx"]
    assert any("not_logged_in" in line for line in said)
    for secret in (token, code, cookie):
        assert not any(secret in line for line in said)


async def test_a_store_that_cannot_be_read_lets_nobody_in(site: Site) -> None:
    token, _ = site.store.create(Role.OPERATOR)
    async with site.client() as browser:
        (site.directory / TOKENS_FILE).write_text("{")
        shown = {"Authorization": f"Bearer {token}"}
        for answer in (
            await browser.get("/api/v1/hosts", headers=shown),
            await browser.post("/api/v1/login", json={"secret": token}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "no_token_store")
            assert str(site.directory) not in answer.text


async def test_the_page_holds_to_the_policy(site: Site) -> None:
    async with site.client() as browser:
        page = await browser.get("/login")
        assert page.headers["content-type"].startswith("text/html")
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert "<script>" not in page.text
        assert "style=" not in page.text
        for name, kind in (("login.js", "text/javascript"), ("login.css", "text/css")):
            assert f'"{name}"' in page.text
            answer = await browser.get(f"/{name}")
            assert answer.headers["content-type"].startswith(kind)
            assert len(answer.content) < 4096


async def test_the_way_to_the_login_page_is_relative(site: Site) -> None:
    async with site.client() as browser:
        answer = await browser.get("/")
        assert (answer.status_code, answer.headers["location"]) == (303, "login")
        assert answer.headers["cache-control"] == "no-store"
