"""Poison and migration, with the test's clock and scanner; how long a snapshot waits for them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from hugescope_agent.kernel.pagemap import Scanner
from hugescope_agent.sample import SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_wire.host import Source
from tests.unit.agent.follower import START, Follower
from tests.unit.agent.tree_builder import (
    HOLE,
    KPF_HUGE,
    MIB2,
    PRESENT,
    MadeMapping,
    MadeProcess,
    MadeTree,
    build,
    frame,
    mapped,
    write_words,
)

HWPOISON = 1 << 19


class FakeScanner:
    """PAGEMAP_SCAN over a captured tree: the categories that the test says, by address."""

    def __init__(self) -> None:
        self.categories: dict[int, int] = {}

    def scan(self, _fd: int, start: int, end: int) -> bytes:
        return b"".join(
            struct.pack("<3Q", address, address + MIB2, category)
            for address, category in sorted(self.categories.items())
            if start <= address < end
        )


class Poisoned:
    """A host whose first cell is mapped, then suspect; the second never is."""

    def __init__(self, root: Path) -> None:
        tree = MadeTree({41: MadeProcess((MadeMapping(START, (mapped(1), mapped(2))),))})
        self.host = Follower(build(root, tree))
        self.proc = root / "proc"
        self.scanner = FakeScanner()
        self.scanner.categories = {START: 0x4E, START + MIB2: 0x4E}
        self.host.files.scanner = cast("Scanner", self.scanner)
        self.host.sampler.use(self.host.files)

    def suspect(self) -> None:
        """pagemap reads 0, and the scan sees an entry that is no page."""
        self.scanner.categories[START] = 0x52
        words = {START // 4096: 0, START // 4096 + 512: PRESENT | frame(2)}
        write_words(self.proc / "41/pagemap", words | {START // 4096 + 1023: 0})

    def state(self) -> tuple[str, frozenset[str]]:
        first = self.host.cells()[41][START][0]
        return first[0], first[5]


INFERRED = frozenset({"inferred"})


@pytest.fixture
def poisoned(tmp_path: Path) -> Iterator[Poisoned]:
    made = Poisoned(tmp_path / "tree")
    yield made
    made.host.close()


def test_migration_becomes_poison_after_a_second(poisoned: Poisoned) -> None:
    host = poisoned.host
    host.full()
    assert poisoned.state() == ("mapped", frozenset())
    poisoned.suspect()
    host.tick()
    assert poisoned.state() == ("migrating", INFERRED)
    host.tick(0.9)
    assert poisoned.state() == ("migrating", INFERRED)
    host.tick(0.11)
    assert poisoned.state() == ("poisoned", INFERRED)
    assert host.cells()[41][START][1][0] == "mapped"


def test_poison_is_certain_where_the_kernel_says_so(poisoned: Poisoned) -> None:
    poisoned.host.full()
    poisoned.suspect()
    write_words(poisoned.proc / "kpageflags", {frame(1): KPF_HUGE | HWPOISON, frame(2): KPF_HUGE})
    poisoned.host.tick()
    assert poisoned.state() == ("poisoned", frozenset())


def test_settle_waits_until_nothing_is_undecided(
    poisoned: Poisoned, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        poisoned.host.clock.now_s += seconds

    monkeypatch.setattr("hugescope_agent.sampler.time.sleep", sleep)
    poisoned.suspect()
    poisoned.host.take(poisoned.host.sampler.settle())
    assert poisoned.state() == ("poisoned", INFERRED)
    assert 0.9 < sum(slept) < 1.5


def test_settle_ends_on_a_host_where_pages_migrate_all_the_time(
    poisoned: Poisoned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compaction moves one page after the other: a snapshot must come out all the same."""
    scanner, clock, naps = poisoned.scanner, poisoned.host.clock, []

    def sleep(seconds: float) -> None:
        clock.now_s += seconds
        naps.append(seconds)
        if len(naps) > 1200:
            pytest.fail("one minute, and no end")
        moving = len(naps) // 10 % 2
        scanner.categories = {START + moving * MIB2: 0x52, START + (1 - moving) * MIB2: 0x4E}

    monkeypatch.setattr("hugescope_agent.sampler.time.sleep", sleep)
    poisoned.suspect()
    poisoned.host.sampler.settle()


def test_a_hole_with_a_lost_page_is_told_as_poisoned_until_a_page_is_there(
    tmp_path: Path,
) -> None:
    """Without a scan every look reads the hole again, and tells nothing new by it."""
    lost = MadeMapping(START, (mapped(1), HOLE), lost_pages=1)
    root = build(tmp_path / "tree", MadeTree({41: MadeProcess((lost,))}))
    (root / "proc/meminfo").write_text("HardwareCorrupted:     4 kB\n")
    host = Follower(root, SamplerOptions(reports=True))
    try:
        host.full()
        assert host.cells()[41][START][1][0] == "hole"
        host.tick()
        assert host.cells()[41][START][1] == ("poisoned", 0, None, None, None, INFERRED)
        for _ in range(40):
            host.clock.now_s += 0.1
            sample = host.sampler.tick()
            if sample is not None:
                assert sample.blocks == []
                host.take(sample)
        host.full()
        assert host.cells()[41][START][1][0] == "poisoned"
        words = mapped(1).words(512) + mapped(2).words(512)
        write_words(root / "proc/41/pagemap", dict(enumerate(words, START // 4096)))
        host.tick()
        assert host.cells()[41][START][1][:2] == ("mapped", MIB2)
    finally:
        host.close()


def test_no_rotation_where_none_is_asked_for(poisoned: Poisoned) -> None:
    host = poisoned.host
    host.sampler.close()
    host.sampler = Sampler(
        host.files, Source(kind="capture"), SamplerOptions(rotation_cells=0), host.clock
    )
    host.full()
    host.tick()
