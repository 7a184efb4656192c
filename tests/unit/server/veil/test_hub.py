"""A hub for who may not see addresses, and the mailbox of such a viewer."""

from __future__ import annotations

import json
import random

import pytest

from hugescope_server.auth.principal import Principal, Role
from hugescope_server.errors import ApiError
from hugescope_server.hub import Hub
from hugescope_server.mailbox import Mailbox
from hugescope_server.settings import ServerSettings
from hugescope_server.veil.hub import VeiledHub, seen_by
from hugescope_server.veil.places import UNIT_BYTES
from hugescope_wire.cells import Cells
from hugescope_wire.groups import group_cells, numbers_of
from hugescope_wire.messages import HostSummary, Overview, ReportMessage, Subscribe
from hugescope_wire.report import MappingReport
from hugescope_wire.view import View
from tests.unit.server.made_host import PAGE_SIZE, MadeHost
from tests.unit.server.made_report import finding, report
from tests.unit.server.made_server import MadeServer
from tests.unit.server.made_viewer import MadeViewer, same
from tests.unit.server.veil.peeping import addresses_in, ranges_of

VIEWER = Principal("v", Role.VIEWER)
OPERATOR = Principal("o", Role.OPERATOR)
ADMIN = Principal("a", Role.ADMIN)


def made_host() -> MadeHost:
    made = MadeHost(random.Random(1))
    made.add(7, 1200, column=37)
    made.add(7, 20, column=500)
    made.add(9, 10)
    return made


def veiled(server: MadeServer) -> VeiledHub:
    hub = seen_by(server.hub, VIEWER)
    assert isinstance(hub, VeiledHub)
    return hub


def overview(server: MadeServer, who: Principal = VIEWER) -> HostSummary:
    text = seen_by(server.hub, who).overview_json(server.now)
    (shown,) = Overview.model_validate_json(text).hosts
    return shown


def starts(shown: HostSummary) -> dict[int, int]:
    return {one.id: one.start for process in shown.processes for one in process.mappings}


@pytest.fixture
def server() -> MadeServer:
    return MadeServer()


def test_who_sees_what(server: MadeServer) -> None:
    assert seen_by(server.hub, OPERATOR) is seen_by(server.hub, ADMIN) is server.hub
    assert seen_by(server.hub, None) is server.hub
    hub = seen_by(server.hub, VIEWER)
    assert hub is seen_by(server.hub, Principal("another", Role.VIEWER)) is not server.hub
    assert isinstance(seen_by(server.hub, Principal("agent", Role.AGENT, "h1")), VeiledHub)


def test_the_overview(server: MadeServer) -> None:
    host = made_host()
    server.join().take(host.full())
    true, shown = overview(server, OPERATOR), overview(server)
    assert starts(true)[1] == host.infos[7][1].start
    assert starts(shown) == {1: UNIT_BYTES, 2: 2 * UNIT_BYTES, 3: UNIT_BYTES}
    text = veiled(server).overview_json(server.now)
    assert addresses_in(text, ranges_of(host.processes())) == []
    assert shown.limits[0].capability == "addresses"
    assert "operator" in (shown.limits[0].remedy or "")
    assert true.limits == shown.limits[1:]
    mapping = shown.processes[0].mappings[0]
    assert mapping.end - mapping.start == 1200 * PAGE_SIZE
    assert mapping.state_counts == host.cells[1].state_counts()


def test_it_is_made_once_for_all_viewers(server: MadeServer) -> None:
    server.join().take(made_host().full())
    hub = veiled(server)
    host = hub.host("h1")
    assert host is not None
    first = host.sight
    text = host.summary_json(server.now, "live")
    assert host.sight is first
    assert host.summary_json(server.now + 1, "live")[: len(text) - 20] == text[:-20]
    assert hub.host("h1") is host


def test_a_mapping_keeps_its_address_while_all_else_changes(server: MadeServer) -> None:
    host = made_host()
    session = server.join()
    session.take(host.full())
    before = starts(overview(server))
    session.take(host.change_cells(1, [1, 2]))
    del host.infos[7][1], host.cells[1]
    session.take(host.delta(pids=[7]))
    new = host.add(7, 30)
    session.take(host.full())
    after = starts(overview(server))
    assert {number: after[number] for number in (2, 3)} == {2: before[2], 3: before[3]}
    assert after[new] not in (before[2],)


def test_it_keeps_it_when_the_agent_restarts_and_numbers_anew(server: MadeServer) -> None:
    host = made_host()
    server.join().take(host.full())
    before = starts(overview(server))
    del host.infos[7][1], host.cells[1]
    host.restart_agent()
    server.join(epoch=host.epoch).take(host.full())
    assert starts(overview(server)) == {number: before[number] for number in (2, 3)}


def test_a_hub_of_another_time_shows_the_same_addresses(server: MadeServer) -> None:
    host = made_host()
    server.join().take(host.full())
    del host.infos[7][1], host.cells[1]
    live = overview(server)
    past = MadeServer()
    past.hub = Hub(past.bus, ServerSettings(), lambda: past.now, atlas=server.hub.atlas)
    past.join().take(host.full())
    assert starts(overview(past)) == {number: starts(live)[number] for number in (2, 3)}


def test_there_and_back(server: MadeServer) -> None:
    host = made_host()
    server.join().take(host.full())
    info = host.infos[7][2]
    shown = veiled(server).host("h1")
    assert shown is not None
    inside = 5 * PAGE_SIZE + 4096
    assert shown.sight.true(7, 2 * UNIT_BYTES + inside) == info.start + inside
    outside = (0, info.start, UNIT_BYTES - 1, 2 * UNIT_BYTES + 20 * PAGE_SIZE, 9 * UNIT_BYTES)
    for pid, address in [(7, address) for address in outside] + [(8, UNIT_BYTES), (9, info.start)]:
        with pytest.raises(ApiError) as caught:
            shown.sight.true(pid, address)
        assert (caught.value.status, caught.value.body.code) == (403, "address_hidden")


def test_what_is_true_and_what_is_not_cannot_be_told_apart(server: MadeServer) -> None:
    """The refusal is the same whether or not there is memory."""
    host = made_host()
    server.join().take(host.full())
    shown = veiled(server).host("h1")
    assert shown is not None
    said = set()
    for address in (host.infos[7][1].start, 0x7ABC_0000_0000):
        with pytest.raises(ApiError) as caught:
            shown.sight.true(7, address)
        said.add(caught.value.body)
    assert len(said) == 1


class Viewing:
    """A mailbox and what came out of it."""

    def __init__(self, server: MadeServer, who: Principal) -> None:
        self.server = server
        self.mailbox = Mailbox(server.hub, principal=who)
        self.seen = MadeViewer()
        self.sent: list[str | bytes] = []

    def poll(self) -> None:
        for message in self.mailbox.poll(self.server.now):
            self.sent.append(message)
            ack = self.seen.take(message)
            if ack is not None:
                self.mailbox.take(ack)
        self.server.now += 0.5

    def text(self) -> str:
        return "\n".join(one for one in self.sent if isinstance(one, str))


@pytest.mark.parametrize("shift", [0, 3, 9])
def test_a_subscription(server: MadeServer, shift: int) -> None:
    """Cells and groups follow the changes; groups begin with the mapping."""
    host = made_host()
    session = server.join()
    session.take(host.full())
    viewers = [Viewing(server, who) for who in (VIEWER, OPERATOR)]
    for viewing in viewers:
        viewing.poll()
        wish = Subscribe(host_id="h1", mapping_id=1, epoch="e1", view=View(shift=shift))
        viewing.mailbox.take(wish)
        viewing.poll()
    for step in range(5):
        session.take(host.change_cells(1, [step, 500 + step, 1199]))
        for viewing in viewers:
            viewing.poll()
    cells: Cells = host.cells[1]
    for viewing, column in zip(viewers, (0, 37), strict=True):
        subscribed = viewing.seen.subscribed
        assert subscribed is not None
        assert subscribed.mapping.start // PAGE_SIZE % 512 == column
        if not shift:
            assert same(viewing.seen.cells, cells)
            continue
        wanted = group_cells(cells, column, shift, numbers_of(0, 1200, column, shift))
        seen = viewing.seen.groups
        assert seen is not None
        for mine, other in zip(seen.columns(), wanted.columns(), strict=True):
            assert (mine == other).all()
    assert addresses_in(viewers[0].text(), ranges_of(host.processes())) == []
    assert addresses_in(viewers[1].text(), ranges_of(host.processes())) != []


def test_a_report_and_its_findings(server: MadeServer) -> None:
    host = made_host()
    info = host.infos[7][2]
    told = report(
        finding(
            "split-mapping",
            key=f"split-mapping:7:{info.start:x}",
            what=f"p7 (7) has split pages at {info.start:#x}.",
            links=[{"pid": 7, "start": info.start, "first": 3, "count": 1}],
            pids=[7],
        ),
        mappings=[MappingReport(pid=7, start=info.start, page_size=PAGE_SIZE, reserved_pages=2)],
    )
    server.join().take(host.full(told))
    viewing, other = Viewing(server, VIEWER), Viewing(server, OPERATOR)
    viewing.poll()
    other.poll()
    (shown,), (true,) = viewing.seen.reports, other.seen.reports
    assert true == ReportMessage(host_id="h1", epoch="e1", report=told)
    (found,), (mapping,) = shown.report.findings, shown.report.mappings
    assert found.what == f"p7 (7) has split pages at {2 * UNIT_BYTES:#x}."
    assert found.links[0].start == mapping.start == 2 * UNIT_BYTES
    assert (found.links[0].first, mapping.reserved_pages) == (3, 2)
    assert f"{info.start:x}" not in found.key
    assert addresses_in(viewing.text(), ranges_of(host.processes())) == []


def test_a_host_that_was_forgotten_and_comes_again(server: MadeServer) -> None:
    host = made_host()
    session = server.join()
    session.take(host.full())
    first = veiled(server).host("h1")
    session.leave()
    server.now += 1e6
    server.hub.forget_gone()
    assert veiled(server).host("h1") is None
    assert json.loads(veiled(server).overview_json(server.now))["hosts"] == []
    server.join(epoch="e2").take(host.full())
    assert veiled(server).host("h1") is not first
    assert overview(server).epoch == "e2"
