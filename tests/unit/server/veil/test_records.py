"""What is changed in a record, and what is not: by every kind of record and finding there is."""

from __future__ import annotations

import random

import pytest
from pydantic import BaseModel

from hugescope_agent.model.findings import find
from hugescope_server.veil.records import changes_of
from hugescope_wire.account import Reservation
from hugescope_wire.messages import Statistics, Thumbnails
from hugescope_wire.page import PageDetail
from hugescope_wire.record import Record
from hugescope_wire.report import HostReport, MappingReport, PoisonPlace
from hugescope_wire.snapshot import Pool
from tests.unit.agent.model.findings.test_find_fuzz import STARTS, any_look
from tests.unit.agent.model.findings.test_find_fuzz import record as any_record
from tests.unit.server.made_host import MadeHost
from tests.unit.server.made_report import page
from tests.unit.server.veil.peeping import addresses_in, sight_of

RANGES = [(start, start + (1 << 32)) for start in STARTS]


@pytest.mark.parametrize("seed", range(12))
def test_no_address_is_left_of_any_report_and_any_finding(seed: int) -> None:
    rng = random.Random(seed)
    codes = set()
    for _ in range(15):
        look = any_look(rng)
        findings = find(look)
        report = look.report.model_copy(update={"findings": findings})
        codes |= {finding.code for finding in findings}
        text = report.model_dump_json()
        shown = sight_of(look.processes).shown(report)
        assert addresses_in(shown.model_dump_json(), RANGES) == [], shown
        assert HostReport.model_validate_json(shown.model_dump_json()) == shown
        assert report.model_dump_json() == text, "the report itself stays as it is"
        assert [one.code for one in shown.findings] == [one.code for one in findings]
        keys = [one.key for one in shown.findings]
        assert len(set(keys)) == len(keys)
    assert len(codes) > 8


def test_the_look_for_addresses_finds_them() -> None:
    look = any_look(random.Random(3))
    for text in (look.report.model_dump_json(), " ".join(f.what for f in find(look))):
        assert addresses_in(text, RANGES)


def test_what_is_no_address_stays() -> None:
    host = MadeHost(random.Random(1))
    host.add(7, 20)
    sight = sight_of(host.processes())
    info = host.infos[7][1]
    report = MappingReport(pid=7, start=info.start, page_size=info.page_size, reserved_pages=5)
    shown = sight.shown(report)
    assert shown.start == 1 << 36
    assert shown.model_copy(update={"start": info.start}) == report
    seen = sight.shown_of(7, info)
    assert (seen.start, seen.end) == (1 << 36, (1 << 36) + info.end - info.start)
    changed = {"start": info.start, "end": info.end}
    assert seen.model_copy(update=changed) == info
    assert type(info).model_validate_json(seen.model_dump_json()) == seen


def test_what_is_null_stays_null_and_what_is_not_known_is_null_where_it_may_be() -> None:
    sight = sight_of([])
    none = Reservation(owner="file", page_size=2 << 20, pages=1, faulted=None)
    assert sight.shown(none).start is None
    process = {"pid": 7, "comm": None}
    place = PoisonPlace.model_validate(
        {"process": process, "start": 0x7F00_0000_0000, "address": 5 << 21, "file_offset": 9}
    )
    shown = sight.shown(place)
    assert shown.address is None
    assert shown.file_offset == 9
    assert shown.start == 1 << 36


def test_of_a_page_every_mapper_is_shown_in_its_own_process() -> None:
    host = MadeHost(random.Random(1))
    for pid in (7, 9):
        host.add(pid, 20)
    one, two = host.infos[7][1].start, host.infos[9][2].start
    mapper = {"shared": True, "shared_table": False, "comm": None}
    detail = page(
        start=one,
        address=one + (2 << 20),
        explanation=[f"Process 9 maps it at {two:#x}, 11 at 0x7fff00000000."],
        mapped_by=[
            {"pid": 7, "start": one, "address": one + (2 << 20), **mapper},
            {"pid": 9, "start": two, "address": two + (4 << 20), **mapper},
        ],
    )
    shown = sight_of(host.processes()).shown(detail)
    base = 1 << 36
    assert (shown.start, shown.address) == (base, base + (2 << 20))
    assert shown.mapped_by is not None
    assert [(m.start, m.address) for m in shown.mapped_by] == [
        (base, base + (2 << 20)),
        (base, base + (4 << 20)),
    ]
    assert shown.explanation == [f"Process 9 maps it at {base:#x}, 11 at (hidden)."]


@pytest.mark.parametrize("record", [Pool, Thumbnails, Statistics])
def test_records_without_secrets_are_not_even_copied(record: type[Record]) -> None:
    assert changes_of(record) == {}


FOR_NO_VIEWER = ("hugescope_wire.diff_document",)
"""Modules whose records no server sends."""


def test_every_record_can_be_asked() -> None:
    """None has a type in which the secret could not be told from the rest."""
    waiting: list[type[BaseModel]] = [Record]
    asked = 0
    while waiting:
        one = waiting.pop()
        waiting += one.__subclasses__()
        of_the_wire = one.__module__.startswith("hugescope_wire")
        if issubclass(one, Record) and of_the_wire and one.__module__ not in FOR_NO_VIEWER:
            changes_of(one)
            asked += 1
    assert asked > 80


def test_any_page_can_be_shown() -> None:
    rng = random.Random(2)
    sight = sight_of([])
    for _ in range(50):
        detail = any_record(PageDetail, rng)
        shown = sight.shown(detail)
        assert addresses_in(shown.model_dump_json(), RANGES) == []
