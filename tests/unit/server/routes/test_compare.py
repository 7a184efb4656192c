"""Comparing over HTTP, against what `hugescope_wire.compare` says of the same pictures."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import random
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from hugescope_server import comparing
from hugescope_server.app import create_app
from hugescope_server.auth.principal import Role
from hugescope_server.comparing import CSV_HEADER
from hugescope_server.routes.services import Services
from hugescope_server.settings import ServerSettings
from hugescope_server.timeline.shelf import FileShelf
from hugescope_wire.archive import Loss, picture_at
from hugescope_wire.cells import CellFlag
from hugescope_wire.compare import Changed, mapping_diff
from hugescope_wire.comparison import NO_CELL, Comparison
from hugescope_wire.pairing import Pair, Selection, pair_up, select
from tests import access
from tests.unit.server.made_host import PAGE_SIZE, MadeHost, hello
from tests.unit.server.made_server import http_client
from tests.unit.server.timeline.made_time import BEGAN_S, made_archive, made_records

RECORDS = made_records(random.Random(6), 100)
LOSS = Loss(BEGAN_S + 4.0, BEGAN_S + 6.0, "the disk was full")
START = 0x7F01_0000_0000


@pytest.fixture
def replay() -> FastAPI:
    """Two recordings of one host, one of them with a loss."""
    shelf = FileShelf()
    shelf.add(made_archive(RECORDS, "whole"), "h1")
    shelf.add(made_archive(RECORDS, "lossy", (LOSS,)), "h2")
    return create_app(ServerSettings(), recorded=shelf)


@pytest.fixture
async def past(replay: FastAPI) -> AsyncIterator[AsyncClient]:
    async with http_client(replay) as client:
        yield client


@pytest.fixture
def host() -> MadeHost:
    made = MadeHost(random.Random(5))
    made.add(7, 300)
    made.add(8, 200)
    return made


@pytest.fixture
def live(host: MadeHost) -> FastAPI:
    app = create_app(ServerSettings(), clock=lambda: 50.0)
    services = app.state.services
    assert isinstance(services, Services)
    services.ingest.join(hello("h:1"), lambda: None).take(host.full())
    return app


@pytest.fixture
async def client(live: FastAPI) -> AsyncIterator[AsyncClient]:
    async with http_client(live) as made:
        yield made


async def ask(client: AsyncClient, a: str, b: str, **more: Any) -> Comparison:
    answer = await client.get("/api/v1/compare", params={"a": a, "b": b, **more})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return Comparison.model_validate_json(answer.content)


def columns(found: Comparison) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    assert found.cells is not None
    packed = gzip.decompress(base64.b64decode(found.cells.columns))
    return list(np.frombuffer(packed, np.uint8).reshape(7, found.cells.count))


def some_mapping() -> tuple[Selection, float, float]:
    """One that is there at two moments, and these, as far apart as there are."""
    archive = made_archive(RECORDS)
    began = {
        (one.process.pid, one.info.start) for one in select(picture_at(archive, BEGAN_S), None)
    }
    for record in reversed(RECORDS):
        at_s = BEGAN_S + record.at_s
        then = select(picture_at(archive, at_s), None)
        if both := began & {(one.process.pid, one.info.start) for one in then}:
            return Selection(*min(both)), BEGAN_S, at_s
    raise AssertionError("every mapping is there at the first moment")


async def test_two_moments_of_a_mapping_are_what_diff_says(past: AsyncClient) -> None:
    archive = made_archive(RECORDS)
    chosen, first_s, last_s = some_mapping()
    first, last = picture_at(archive, first_s), picture_at(archive, last_s)
    pairs = pair_up(select(first, chosen), select(last, chosen), one_host=True, named=True)
    true = mapping_diff(Changed.of(pairs.pairs[0]))
    what = f"h1/{chosen.pid}/{chosen.start:#x}"
    found = await ask(past, f"{what}@{first_s}", f"h1@{last_s}", runs=5000)
    assert found.document.mappings == [true]
    assert true.changed
    assert (found.a.at_s, found.b.at_s) == (first_s, last_s)
    assert (found.document.pools, found.lost) == (None, [])
    assert sum(one.cells for one in found.document.mappings[0].changes) == true.changed
    state_a, _, _, state_b, _, _, changed = columns(found)
    pair = pairs.pairs[0]
    assert state_a.tolist() == pair.a.cells.state.tolist()
    assert state_b.tolist() == pair.b.cells.state.tolist()
    assert int(changed.sum()) == true.changed


async def test_what_differs_of_a_mapping_is_looked_for_once(
    past: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []

    def counted(pair: Pair) -> Changed:
        looked.append(pair)
        return found_of(pair)

    found_of = Changed.of
    monkeypatch.setattr(Changed, "of", counted)
    chosen, first_s, last_s = some_mapping()
    found = await ask(past, f"h1/{chosen.pid}/{chosen.start:#x}@{first_s}", f"h1@{last_s}")
    assert found.cells is not None
    assert len(looked) == 1


async def test_two_files_as_a_whole(past: AsyncClient) -> None:
    found = await ask(past, f"h1@{BEGAN_S + 2}", f"h2@{BEGAN_S + 2}")
    assert found.document.same
    assert found.document.pools == []
    assert found.cells is None
    assert found.mapping_total == len(found.document.mappings) > 0
    assert (found.document.a.source.kind, found.a.link) == ("replay", None)
    other = await ask(past, f"h1@{BEGAN_S}", "h2")
    assert other.document.changed_cells > 0
    assert other.b.at_s == made_archive(RECORDS).ended_s
    assert all(one.runs == [] for one in other.document.mappings)


async def test_lost_time_between_two_moments_is_named(past: AsyncClient) -> None:
    found = await ask(past, f"h2@{BEGAN_S + 2}", f"h2@{BEGAN_S + 8}")
    assert [one.why for one in found.lost] == ["the disk was full"]
    assert (await ask(past, f"h2@{BEGAN_S + 7}", f"h2@{BEGAN_S + 8}")).lost == []
    answer = await past.get("/api/v1/compare", params={"a": "h1", "b": f"h2@{BEGAN_S + 5}"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_recorded")
    assert answer.json()["message"].startswith("b: ")
    assert "the disk was full" in answer.json()["message"]


async def test_two_mappings_of_other_lengths(client: AsyncClient, host: MadeHost) -> None:
    other = host.infos[8][2].start
    found = await ask(client, f"h:1/7/{START:#x}", f"h:1/8/{other:#x}", runs=3)
    (mapping,) = found.document.mappings
    assert (mapping.matched_by, mapping.compared) == ("named", 200)
    assert (mapping.only_a, mapping.only_b) == (100, 0)
    assert len(mapping.runs) == min(3, mapping.run_total)
    assert (found.a.link, found.a.at_s) == ("live", None)
    state_a, _, level, state_b, _, _, changed = columns(found)
    assert state_a.tolist() == host.cells[1].state.tolist()
    assert set(state_b[200:].tolist()) == {NO_CELL}
    assert changed[200:].sum() == 0
    whole = host.cells[1].mapped_pages * 4096 == PAGE_SIZE
    assert set(level[whole].tolist()) <= {15}
    inferred = (host.cells[1].flags & CellFlag.INFERRED) != 0
    assert found.a.inferred_cells == int(inferred.sum())


async def test_what_one_side_names_is_meant_on_both(client: AsyncClient) -> None:
    for a, b in ((f"h:1/7/{START:#x}", "h:1"), ("h:1", f"h:1/7/{START:#x}")):
        found = await ask(client, a, b)
        assert found.document.same
        assert found.document.compared_cells == 300
    found = await ask(client, "h:1/7", "h:1/8")
    assert (found.document.pools, found.cells) == (None, None)
    assert found.document.compared_cells == 200


async def test_csv_has_every_run(client: AsyncClient, host: MadeHost) -> None:
    other = host.infos[8][2].start
    sides = {"a": f"h:1/7/{START:#x}", "b": f"h:1/8/{other:#x}"}
    answer = await client.get("/api/v1/compare.csv", params=sides)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    disposition = 'attachment; filename="hugescope-compare-h_1-h_1.csv"'
    assert answer.headers["content-disposition"] == disposition
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert header == CSV_HEADER.split(",")
    (mapping,) = (await ask(client, sides["a"], sides["b"], runs=5000)).document.mappings
    assert len(rows) == mapping.run_total
    run, row = mapping.runs[-1], rows[-1]
    assert row[:3] == [str(run.first_a), str(run.first_b), str(run.count)]
    assert int(row[3], 16) == START + run.first_a * PAGE_SIZE
    assert row[5:7] == [run.from_.state, str(run.from_.mapped_bytes)]


async def test_a_viewer_compares_by_places_that_stand_for_addresses(
    live: FastAPI, client: AsyncClient
) -> None:
    async with http_client(live, access.bearer(Role.VIEWER)) as viewer:
        hosts = (await viewer.get("/api/v1/hosts")).json()["hosts"]
        starts = [
            (process["pid"], process["mappings"][0]["start"]) for process in hosts[0]["processes"]
        ]
        (pid, start), (other_pid, other) = starts
        seen = await ask(viewer, f"h:1/{pid}/{start:#x}", f"h:1/{other_pid}/{other:#x}")
        mapping = seen.document.mappings[0]
        assert (mapping.a.start, mapping.b.start) == (start, other)
        true = await viewer.get("/api/v1/compare", params={"a": f"h:1/7/{START:#x}", "b": "h:1"})
    assert (true.status_code, true.json()["code"]) == (403, "address_hidden")


@pytest.mark.parametrize(
    ("a", "b", "status", "code", "named"),
    [
        ("nobody", "h:1", 404, "no_such_host", "a: "),
        ("h:1", "nobody", 404, "no_such_host", "b: "),
        ("h:1/9", "h:1", 404, "no_such_process", "9"),
        ("h:1/7/0x1", "h:1", 404, "no_such_mapping", "7"),
        ("h:1@5", "h:1", 404, "not_recorded", "a: "),
        ("h:1/7/7f00", "h:1", 422, "bad_request", "query.a"),
        ("h:1", "", 422, "bad_request", "query.b"),
        ("h:1", "h:1@never", 422, "bad_request", "query.b"),
        ("h:1", "h:1&runs=5001", 422, "bad_request", "query.runs"),
        ("h:1", "h:1&pfn=1", 422, "unknown_parameter", "pfn"),
    ],
)
async def test_errors(
    client: AsyncClient, a: str, b: str, status: int, code: str, named: str
) -> None:
    answer = await client.get(f"/api/v1/compare?a={a}&b={b}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert named in answer.json()["message"]


async def test_too_many_cells(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = {"a": f"h:1/7/{START:#x}", "b": "h:1"}
    monkeypatch.setattr(comparing, "MAX_DRAWN", 299)
    assert (await ask(client, **sides)).cells is None
    monkeypatch.setattr(comparing, "MAX_CELLS", 599)
    for path in ("compare", "compare.csv"):
        answer = await client.get(f"/api/v1/{path}", params=sides)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_many_cells")


async def test_too_many_mappings(client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MAX_MAPPINGS", 4)
    assert (await ask(client, "h:1", "h:1")).mapping_total == 2
    monkeypatch.setattr(comparing, "MAX_MAPPINGS", 3)
    answer = await client.get("/api/v1/compare", params={"a": "h:1", "b": "h:1"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_mappings")
    assert "4 mappings on both sides together" in answer.json()["message"]
    assert (await ask(client, "h:1/7", "h:1/7")).mapping_total == 1
