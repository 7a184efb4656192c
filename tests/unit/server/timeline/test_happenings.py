"""Events between two pictures."""

from __future__ import annotations

import random

import pytest

from hugescope_server.bus import Unseen
from hugescope_server.timeline.happenings import (
    MAX_AT_ONCE,
    gap,
    happened,
    known,
    without_addresses,
)
from hugescope_wire.findings import CellLink, Finding
from hugescope_wire.host import HostFrame
from hugescope_wire.travel import TimeEvent
from tests.unit.server.made_host import MadeHost, full_meta
from tests.unit.server.made_report import finding, report

START = 0x7F00_0000_0000 + (1 << 32)


def host() -> MadeHost:
    made = MadeHost(random.Random(1))
    made.add(7, 30)
    return made


def frame(made: MadeHost, *findings: Finding) -> HostFrame:
    return full_meta(made.processes(), report(*findings))


def between(before: HostFrame, after: HostFrame) -> list[TimeEvent]:
    found = happened("a b", known(before), known(after, known(before)), 5.0)
    return [noted.event for noted in found]


def test_processes_come_and_go() -> None:
    made = host()
    before = frame(made)
    made.add(8, 4)
    after = frame(made)
    (came,) = between(before, after)
    assert (came.kind, came.text) == ("process_start", "p8 (process 8) maps huge pages")
    assert came.place == f"#/host/a%20b/pid/8/map/{START + (1 << 32):x}"
    assert came.at_s == 5.0
    (went,) = between(after, before)
    assert (went.kind, went.place) == ("process_end", "#/host/a%20b")
    assert between(before, before) == []


def test_a_process_that_maps_nothing_any_more_has_ended_for_us() -> None:
    made = host()
    before = frame(made)
    made.infos[7].clear()
    assert [one.kind for one in between(before, frame(made))] == ["process_end"]


def test_a_pid_that_is_given_again_is_another_process() -> None:
    made, other = host(), MadeHost(random.Random(1), next_id=5)
    other.add(7, 30)
    before = frame(made)
    processes = [one.model_copy(update={"comm": "other"}) for one in other.processes()]
    kinds = [one.kind for one in between(before, full_meta(processes, before.report))]
    assert kinds == ["process_end", "process_start"]


def test_findings_come_and_go() -> None:
    made = host()
    links = [CellLink(pid=7, start=START, first=3, count=4), CellLink(pid=7, start=START)]
    before, after = frame(made), frame(made, finding(links=links))
    (came,) = between(before, after)
    assert (came.kind, came.text) == ("finding", "notice: a pool idles")
    assert came.place == f"#/host/a%20b/pid/7/map/{START:x}?cells=3-6"
    (went,) = between(after, before)
    assert (went.kind, went.text) == ("finding", "no more: a pool idles")
    assert went.place == "#/host/a%20b"


@pytest.mark.parametrize(
    ("link", "cells"),
    [
        (CellLink(pid=7, start=START), ""),
        (CellLink(pid=7, start=START, first=2, count=1), "?cells=2"),
    ],
)
def test_a_finding_leads_to_its_cells(link: CellLink, cells: str) -> None:
    made = host()
    (came,) = between(frame(made), frame(made, finding(links=[link])))
    assert came.place == f"#/host/a%20b/pid/7/map/{START:x}{cells}"


def test_what_the_first_report_says_was_there_before() -> None:
    made = host()
    assert between(full_meta(made.processes()), frame(made, finding())) == []


def test_no_frame_fills_the_list() -> None:
    made = host()
    before = frame(made)
    for pid in range(100, 300):
        made.add(pid, 1)
    assert len(between(before, frame(made))) == MAX_AT_ONCE


def test_a_gap_says_how_long_and_why() -> None:
    event = gap("h1", Unseen("not_kept"), "the link was away", 2.0, 9.5).event
    assert (event.kind, event.at_s) == ("gap", 9.5)
    assert event.text == "nothing is known of the 7.5 s before: the link was away"
    assert "3.0 s" in gap("h1", Unseen("lost", 3.0), "why", 2.0, 9.5).event.text


def test_who_may_not_see_addresses_is_led_to_the_host() -> None:
    event = TimeEvent(
        at_s=1.0,
        host_id="h1",
        kind="finding",
        text="cells of 0x7f0000000000 and 7f0000000000-7f0000200000 of process 123456",
        place="#/host/h1/pid/7/map/7f0000000000?cells=1",
    )
    seen = without_addresses(event)
    assert seen.place == "#/host/h1"
    assert seen.text == "cells of (hidden) and (hidden) of process 123456"
