"""The past over HTTP."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, QueryParams

from hugescope_server.app import create_app
from hugescope_server.auth.principal import Role
from hugescope_server.routes.services import Services
from hugescope_server.settings import ServerSettings
from hugescope_server.timeline.scan import scan
from hugescope_server.timeline.shelf import FileShelf
from hugescope_wire.archive import Archive, Loss, picture_at
from hugescope_wire.extents import ExtentPage
from hugescope_wire.messages import Overview
from hugescope_wire.snapshot import Snapshot
from hugescope_wire.travel import TimeEvents
from tests import access
from tests.unit.server.made_server import http_client
from tests.unit.server.timeline.made_time import (
    BEGAN_S,
    PERIOD_S,
    made_archive,
    made_records,
)

RECORDS = made_records(random.Random(6), 100)
LOSS = Loss(BEGAN_S + 4.0, BEGAN_S + 6.0, "the disk was full")


def archive() -> Archive:
    return made_archive(RECORDS[: round(4 / PERIOD_S) + 1], "box.hsrec", (LOSS,))


@pytest.fixture
def app() -> FastAPI:
    shelf = FileShelf()
    shelf.add(made_archive(RECORDS, "whole"), "h1")
    shelf.add(archive(), "h2")
    made = create_app(ServerSettings(), recorded=shelf)
    services: Services = made.state.services
    archives = {"h1": made_archive(RECORDS)}
    for host_id, events in scan(archives, services.settings).items():
        services.past.diary.replace(host_id, events)
    return made


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with http_client(app) as client:
        yield client


async def ask(browser: AsyncClient, path: str, **asked: Any) -> tuple[int, Any]:
    answer = await browser.get(f"/api/v1/{path}", params=asked)
    assert answer.headers.get("cache-control", "no-store") == "no-store"
    return answer.status_code, answer.json()


async def test_what_was_recorded(browser: AsyncClient) -> None:
    _, body = await ask(browser, "history")
    one, two = body["hosts"]
    assert (one["host_id"], one["name"]) == ("h1", "whole")
    assert (one["since_s"], one["until_s"]) == (BEGAN_S, BEGAN_S + RECORDS[-1].at_s)
    assert (one["lost"], two["lost"][0]["why"]) == ([], "the disk was full")


@pytest.mark.parametrize("after_s", [0.0, 3.3, 11.0])
async def test_a_snapshot_of_a_moment(browser: AsyncClient, after_s: float) -> None:
    status, body = await ask(browser, "hosts/h1/snapshot", at_s=BEGAN_S + after_s)
    assert status == 200
    was = picture_at(made_archive(RECORDS), BEGAN_S + after_s).snapshot()
    assert Snapshot.model_validate(body) == was


async def test_extents_of_a_moment_with_their_ages(browser: AsyncClient) -> None:
    about = picture_at(made_archive(RECORDS), BEGAN_S + 9.0).about
    assert about is not None
    (process, *_) = about.processes
    (info, *_) = process.mappings
    place: dict[str, str | int] = {"pid": process.pid, "start": f"{info.start:#x}"}
    where = place | {"at_s": BEGAN_S + 9.0}
    status, body = await ask(browser, "hosts/h1/extents", limit=1000, **where)
    assert status == 200
    page = ExtentPage.model_validate(body)
    assert sum(extent.count for extent in page.extents) == info.cell_count
    assert any(extent.changed_ago_s is not None for extent in page.extents)
    answer = await browser.get("/api/v1/hosts/h1/extents.csv", params=QueryParams(where))
    assert answer.status_code == 200
    assert len(answer.text.splitlines()) == page.total + 1


async def test_hosts_and_migrations_of_a_moment(browser: AsyncClient) -> None:
    _, body = await ask(browser, "hosts", at_s=BEGAN_S + 2.0)
    hosts = Overview.model_validate(body).hosts
    assert [(host.host_id, host.source.kind) for host in hosts] == [
        ("h1", "replay"),
        ("h2", "replay"),
    ]
    _, body = await ask(browser, "migrations", at_s=BEGAN_S + 2.0)
    assert body["migrations"] == []


async def test_the_past_cannot_be_asked_who_maps_a_page(browser: AsyncClient) -> None:
    asked = {"pid": 9, "address": "0x7f0000000000", "at_s": BEGAN_S}
    status, body = await ask(browser, "hosts/h1/page", **asked)
    assert (status, body["code"]) == (409, "past_cannot_be_asked")


@pytest.mark.parametrize(
    ("path", "at_s", "why"),
    [
        ("hosts/h1/snapshot", BEGAN_S - 1, "nothing was recorded of h1"),
        ("hosts/h1/snapshot", BEGAN_S + 99, "nothing was recorded of h1"),
        ("hosts/h2/snapshot", BEGAN_S + 5, "the disk was full"),
        ("hosts/h3/snapshot", BEGAN_S + 5, "nothing was recorded of h3"),
        ("hosts/h2/extents?pid=9&start=0x0", BEGAN_S + 5, "the disk was full"),
        ("hosts", 5.0, "nothing was recorded of any host"),
        ("migrations/x", 5.0, "nothing was recorded of any host"),
    ],
)
async def test_what_is_not_known_is_not_made_up(
    browser: AsyncClient, path: str, at_s: float, why: str
) -> None:
    glue = "&" if "?" in path else "?"
    answer = await browser.get(f"/api/v1/{path}{glue}at_s={at_s}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_recorded")
    assert why in answer.json()["message"]


@pytest.mark.parametrize("at_s", ["-1", "x", "nan", "inf", "1e12"])
async def test_a_moment_is_a_time(browser: AsyncClient, at_s: str) -> None:
    for path in ("hosts", "hosts/h1/snapshot", "migrations"):
        status, body = await ask(browser, path, at_s=at_s)
        assert (status, body["code"]) == (422, "bad_request")


async def test_events(app: FastAPI, browser: AsyncClient) -> None:
    _, body = await ask(browser, "events")
    all_of = TimeEvents.model_validate(body)
    assert len(all_of.events) >= 4
    assert not all_of.more
    _, body = await ask(browser, "events", limit=2)
    last = TimeEvents.model_validate(body)
    assert (last.events, last.more) == (all_of.events[-2:], True)
    middle_s = all_of.events[2].at_s
    _, body = await ask(browser, "events", since_s=middle_s, until_s=middle_s)
    assert {event["at_s"] for event in body["events"]} == {middle_s}
    assert (await ask(browser, "events", limit=0))[0] == 422
    assert any("/map/" in (event.place or "") for event in all_of.events)
    async with http_client(app, access.bearer(Role.VIEWER)) as viewer:
        _, body = await ask(viewer, "events")
        assert not any("/map/" in (event["place"] or "") for event in body["events"])


async def test_only_an_admin_deletes(app: FastAPI, browser: AsyncClient) -> None:
    path = "/api/v1/history/h1"
    answer = await browser.delete(path)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_role")
    async with http_client(app, access.bearer(Role.ADMIN)) as admin:
        assert (await admin.delete(path)).status_code == 204
        answer = await admin.delete(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_history")
    assert [one["host_id"] for one in (await ask(browser, "history"))[1]["hosts"]] == ["h2"]
    status, _ = await ask(browser, "hosts/h1/snapshot", at_s=BEGAN_S + 1)
    assert status == 404
