"""A real migration of a real guest, as viewers are told of it.

Two servers watch, each with an agent of its own: one sees page tables alone, one also has what QEMU
says. What they tell is held against QEMU's own words and against /proc, read here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from hugescope_agent.workloads.errors import GuestFailed
from hugescope_agent.workloads.qemu.machine import Machine
from hugescope_agent.workloads.qemu.migration import Migration
from hugescope_agent.workloads.qemu.plan import MIB, GuestPlan
from hugescope_wire.migration import MigrationState
from tests.kernel.host_pool import GIB
from tests.kernel.qemu_lab import LEFT, Log, QemuLab, Watcher, present_pages, qemu_lab, watched

pytestmark = pytest.mark.kernel

WITHIN_S = 1.0
"""How far a phase may begin from QEMU's word on it."""

IN_FLIGHT = 2
"""Pages: one that is being sent, and one in the destination's hands."""

SLOW_BYTES_PER_S = 64 << 10
"""A page of 2 MiB takes half a minute."""

ENDED = ("done", "failed", "cancelled")


class Eyes(NamedTuple):
    """Both viewers."""

    seen: Watcher
    asked: Watcher


@pytest.fixture(scope="module")
def lab() -> Iterator[QemuLab]:
    with qemu_lab(GuestPlan()) as made:
        yield made


@pytest.fixture(scope="module")
def eyes(lab: QemuLab) -> Iterator[Eyes]:
    sockets = [word for path in lab.watched for word in ("--qmp", str(path))]
    with watched() as seen, watched(*sockets) as asked:
        yield Eyes(seen, asked)


class Watched(NamedTuple):
    """A migration that both viewers follow."""

    migration: Migration
    eyes: Eyes
    ids: tuple[str, str]

    @property
    def pairs(self) -> list[tuple[Watcher, str]]:
        """Each viewer with the migration's id there."""
        return list(zip(self.eyes, self.ids, strict=True))

    def until(self, true: Callable[[MigrationState], bool], what: str) -> list[MigrationState]:
        """The state of each viewer, once this is true of it."""
        return [watcher.until(true, what) for watcher in self.eyes]

    def ended(self) -> list[MigrationState]:
        """The state of each viewer when it is over."""
        return self.until(lambda state: state.summary.phase in ENDED, "its end")


def prepared(source: Machine, destination: Machine, eyes: Eyes) -> Watched:
    """Both ends are there, and both viewers have found them without help."""
    migration = Migration(source, destination)
    migration.prepare()
    pairs = [watcher.pair(source.pid, destination.pid) for watcher in eyes]
    for pair in pairs:
        assert pair.paired_by
        assert "hand" not in pair.paired_by
        assert (pair.page_size, pair.pages) == (source.plan.page_size_bytes, source.plan.pages)
    return Watched(migration, eyes, (pairs[0].id, pairs[1].id))


def said(machine: Machine, *words: str) -> list[float]:
    """When QEMU said so: statuses of a migration, or names of events."""
    machine.drain()
    return [e.at_s for e in machine.events if e.name in words or e.status in words]


def began(state: MigrationState) -> dict[str, float]:
    """When each phase began; in order."""
    begins: dict[str, float] = {span.phase: span.began_s for span in state.phases}
    assert len(begins) == len(state.phases)
    assert list(begins.values()) == sorted(begins.values())
    ends = [span.ended_s for span in state.phases]
    assert ends == [*list(begins.values())[1:], None]
    return begins


def nothing_in_flight(state: MigrationState) -> None:
    """An ended migration has no rates and no time left."""
    assert state.time_left is None or state.time_left.likely_s is None
    assert state.dark == 0


def test_a_post_copy_from_its_begin_to_its_end(lab: QemuLab, eyes: Eyes) -> None:
    source, destination = lab.guest(), lab.destination()
    run = prepared(source, destination, eyes)
    migration = run.migration
    already = len(source.events)
    migration.precopy()
    crawls(migration, "max-postcopy-bandwidth")
    migration.switch()
    run.until(lambda state: state.summary.phase == "postcopy", "the post-copy")
    with held(migration):
        check_counts(run)
    migration.finish()
    lab.moved(destination)
    source.drain()
    del source.events[:already]
    run.ended()
    for watcher, name in run.pairs:
        check_all(watcher, name, source, destination)
    assert all(present_pages(destination))

    def completed(state: MigrationState) -> bool:
        qmp = state.summary.source.qmp if state.summary.source else None
        return qmp is not None and (qmp.status, qmp.remaining_bytes) == ("completed", 0)

    eyes.asked.until(completed, "QEMU's own last figures")


def check_all(watcher: Watcher, name: str, source: Machine, destination: Machine) -> None:
    """What one viewer knows of a migration that is done."""
    pages = source.plan.pages
    log = watcher.log(name, lambda log: log.present_at(time.time()) == pages, "all arrivals")
    state = watcher.until(lambda state: state.arrivals == len(log.records), "all of them")
    assert state.summary.phase == "done"
    nothing_in_flight(state)
    check_phases(began(state), source, destination)
    check_log(log, state, pages)
    assert state.collapse is not None
    assert state.collapse.punched > 0


def crawls(migration: Migration, what: str) -> None:
    """The link is so slow that the migration does not get on meanwhile, but for what is demanded:
    so nobody can be too late to see it.
    """
    migration.source.execute("migrate-set-parameters", {what: SLOW_BYTES_PER_S})


@contextmanager
def held(migration: Migration) -> Iterator[None]:
    """A post-copy that crawls, and whose guest stands still; afterwards both go on."""
    migration.destination.execute("stop")
    yield
    migration.destination.execute("cont")
    said = {"max-postcopy-bandwidth": round(migration.plan.postcopy_bytes_per_s)}
    migration.source.execute("migrate-set-parameters", said)


def check_counts(run: Watched) -> None:
    """What is absent is what QEMU has still to send, but for what is on its way or came since."""

    def to_send() -> int:
        remaining: int = run.migration.figures()["ram"]["remaining"]
        return remaining

    def agree(absent: int, remaining_bytes: int) -> bool:
        remaining = remaining_bytes / run.migration.plan.page_size_bytes
        return remaining - 1 <= absent <= remaining + IN_FLIGHT

    def equal(state: MigrationState) -> bool:
        return agree(state.left, to_send())

    for state in run.until(equal, "as many absent pages as QEMU has still to send"):
        assert state.summary.phase == "postcopy"
        assert state.left > 0
    assert agree(present_pages(run.migration.destination).count(False), to_send())

    def told(state: MigrationState) -> bool:
        reading = state.summary.source.qmp if state.summary.source else None
        remaining = reading.remaining_bytes if reading else None
        return remaining is not None and agree(state.left, remaining)

    run.eyes.asked.until(told, "QEMU's own figure beside it, and equal")


def check_phases(begins: dict[str, float], source: Machine, destination: Machine) -> None:
    """All of them, in order, within a second of QEMU's."""
    assert [phase for phase in begins if phase != "waiting"] == [
        *("precopy", "switchover", "postcopy", "done")
    ]
    (active,) = said(source, "active")
    (stopped,) = said(source, "STOP")
    postcopy = [*said(source, "postcopy-active"), *said(destination, "postcopy-active")]
    completed = [*said(source, "completed"), *said(destination, "completed")]
    for phase, times in (
        ("precopy", [active]),
        ("switchover", [stopped]),
        ("postcopy", postcopy),
        ("done", completed),
    ):
        assert min(times) - WITHIN_S <= begins[phase] <= max(times) + WITHIN_S, phase


def check_log(log: Log, state: MigrationState, pages: int) -> None:
    """Every page comes once, or once again after it left; nothing comes twice, or leaves absent."""
    for cell in range(pages):
        kinds = log.kinds(cell)
        assert kinds, f"page {cell} never came"
        assert len(kinds) % 2, f"page {cell}: {kinds}"
        assert all((kind == LEFT) == bool(at % 2) for at, kind in enumerate(kinds)), kinds
    arrived = log.records[log.records["kind"] != LEFT]
    assert set(arrived["block"]) == {0}
    assert state.arrivals == len(log.records)
    assert state.precopied + state.sweep + state.demand == len(arrived)
    assert (state.left, state.summary.present) == (0, pages)


def test_a_cancelled_one_is_called_so(lab: QemuLab, eyes: Eyes) -> None:
    source, destination = lab.guest(), lab.destination()
    run = prepared(source, destination, eyes)
    run.migration.begin()
    run.until(lambda state: state.summary.present > 0, "pages at the destination")
    crawls(run.migration, "max-bandwidth")
    run.migration.cancel()
    for state in run.ended():
        assert state.summary.phase == "cancelled"
        nothing_in_flight(state)
    assert not source.ended
    lab.moved(source)


def test_a_destination_that_dies_in_precopy(lab: QemuLab, eyes: Eyes) -> None:
    source, destination = lab.guest(), lab.destination()
    run = prepared(source, destination, eyes)
    run.migration.begin()
    run.until(lambda state: state.summary.present > 0, "pages at the destination")
    crawls(run.migration, "max-bandwidth")
    destination.kill()
    # Page tables do not tell it from a cancelled one, and the words say so.
    seen = run.eyes.seen.until(lambda state: state.summary.phase == "cancelled", "its end")
    assert "failed" in seen.phases[-1].words
    asked = run.eyes.asked.until(lambda state: state.summary.phase == "failed", "QEMU's word")
    for state in (seen, asked):
        assert state.summary.destination is not None
        assert state.summary.destination.gone
        nothing_in_flight(state)
    assert not source.ended


@pytest.mark.parametrize("dies", ["source", "destination"])
def test_an_end_that_dies_in_post_copy(lab: QemuLab, eyes: Eyes, dies: str) -> None:
    source, destination = lab.guest(), lab.destination()
    run = prepared(source, destination, eyes)
    run.migration.precopy()
    crawls(run.migration, "max-postcopy-bandwidth")
    run.migration.switch()
    run.until(lambda state: state.summary.phase == "postcopy", "the post-copy")
    victim = source if dies == "source" else destination
    victim.kill()
    for state in run.ended():
        assert state.summary.phase == "failed"
        ends = {"source": state.summary.source, "destination": state.summary.destination}
        assert {name: end and end.gone for name, end in ends.items()}[dies]
        nothing_in_flight(state)
    with pytest.raises(GuestFailed):
        run.migration.finish()
    lab.close()  # half of its memory is gone


def test_one_page_of_1_gib_is_dark_until_it_came() -> None:
    plan = GuestPlan(
        size_bytes=GIB,
        page_size_bytes=GIB,
        filled=0.1,
        precopied=0.05,
        precopy_bytes_per_s=512.0 * MIB,
        postcopy_bytes_per_s=256.0 * MIB,
    )
    with qemu_lab(plan) as lab, watched() as seen:
        source, destination = lab.guest(), lab.destination()
        migration = Migration(source, destination)
        migration.prepare()
        name = seen.pair(source.pid, destination.pid).id
        migration.precopy()
        crawls(migration, "max-postcopy-bandwidth")
        migration.switch()
        migration.finish()
        # That it was dark is told while it is, which QEMU does not wait for.
        dark = seen.ever(
            lambda state: state.summary.phase == "postcopy" and state.left == 1, "the dark page"
        )
        assert dark.summary.present == 0
        lab.moved(destination)
        state = seen.until(lambda state: state.summary.phase in ENDED, "its end")
        assert (state.summary.phase, state.summary.present, state.left) == ("done", 1, 0)
        log = seen.log(name, lambda log: log.present_at(time.time()) == 1, "its arrival")
        assert log.kinds(0)[-2] == LEFT
        left, came = log.records[-2:]
        waited_s = float(came["at"] - left["at"])
        assert waited_s > 0
        assert abs(float(came["dark"]) - waited_s) < 2 * WITHIN_S
        # Of one page no order of arrivals tells why it came: only the fault does that waited.
        state = seen.until(lambda state: bool(state.demanded), "that it was demanded")
        (page,) = state.demanded
        assert (page.block, page.cell, page.inferred, state.demand) == (0, 0, False, 1)
        assert abs(page.missing_s - waited_s) < 2 * WITHIN_S
        assert page.stalled_s is not None
        assert 0 < page.stalled_s < page.missing_s + WITHIN_S
