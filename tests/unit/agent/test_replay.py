"""A recorded series, with the test's clock."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hugescope_agent import replay
from hugescope_agent.errors import AgentError, BadRoot
from hugescope_agent.replay import Replay, shipped_series, steps_of, unpack
from hugescope_agent.sample import Sample
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame
from hugescope_wire.host import HostFrame
from hugescope_wire.picture import HostPicture
from tests.unit.agent.follower import START, Clock
from tests.unit.agent.tree_builder import HOLE, MadeMapping, MadeProcess, MadeTree, build, mapped


class Viewer:
    """A replay and the picture that its samples give."""

    def __init__(self, steps: list[Path]) -> None:
        self.clock = Clock()
        self.replay = Replay(steps, "made up", 1.0, self.clock)
        self.picture = HostPicture()

    def take(self, sample: Sample | None) -> bool:
        if sample is None:
            return False
        full = isinstance(sample.about, HostFrame)
        kind = FrameKind.FULL if full else FrameKind.DELTA
        raw = encode_frame(kind, self.picture.seq + 1, sample.about, sample.blocks)
        self.picture.apply(decode_frame(raw))
        return True

    def tick(self, seconds: float) -> bool:
        self.clock.now_s += seconds
        return self.take(self.replay.tick())

    def present(self) -> int:
        return sum(
            run.count
            for process in self.picture.snapshot().processes
            for mapping in process.mappings
            for run in mapping.runs
            if run.state == "mapped"
        )


@pytest.fixture
def viewer(tmp_path: Path) -> Iterator[Viewer]:
    """Four steps; at each one page more is mapped."""
    for step in range(4):
        cells = tuple(mapped(at) if at < step else HOLE for at in range(4))
        tree = MadeTree({41: MadeProcess((MadeMapping(START, cells),))})
        build(tmp_path / f"step{step}", tree)
    made = Viewer(steps_of(tmp_path))
    yield made
    made.replay.close()


def test_step_after_step_and_again_from_the_start(viewer: Viewer) -> None:
    viewer.take(viewer.replay.full())
    seen = [viewer.present()]
    for _ in range(20):
        viewer.tick(1.0)
        seen.append(viewer.present())
    # The last step is held, then the series starts over.
    held = seen.index(0, 1)
    assert seen[:4] == [0, 1, 2, 3]
    assert set(seen[3:held]) == {3}
    assert seen[held : held + 4] == [0, 1, 2, 3]


def test_nothing_is_said_while_a_step_lasts(viewer: Viewer) -> None:
    viewer.take(viewer.replay.full())
    assert not viewer.tick(0.4)
    assert viewer.tick(0.7)


def test_steps_may_be_missed(viewer: Viewer) -> None:
    viewer.take(viewer.replay.full())
    viewer.tick(2.5)
    assert viewer.present() == 2


def test_a_full_look_in_the_middle_is_of_the_present_step(viewer: Viewer) -> None:
    viewer.take(viewer.replay.full())
    viewer.clock.now_s += 3.2
    viewer.take(viewer.replay.full())
    assert viewer.present() == 3


def test_every_sample_says_that_it_is_a_replay(viewer: Viewer) -> None:
    about = viewer.replay.full().about
    assert isinstance(about, HostFrame)
    assert (about.source.kind, about.source.name) == ("replay", "made up")


def test_no_step_and_no_root(tmp_path: Path) -> None:
    with pytest.raises(AgentError):
        Replay([], "x")
    (tmp_path / "proc").mkdir()
    with pytest.raises(BadRoot):
        Replay([tmp_path], "x")


def test_what_is_no_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.xz"
    path.write_bytes(b"no archive")
    with pytest.raises(AgentError, match=r"x\.tar\.xz"):
        unpack(path, tmp_path / "out")
    with pytest.raises(AgentError, match="absent"):
        unpack(tmp_path / "absent", tmp_path / "out")


def test_an_archive_cannot_write_outside(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    (tmp_path / "evil").write_text("x")
    with tarfile.open(path, "w") as tar:
        tar.add(tmp_path / "evil", arcname="../evil2")
    with pytest.raises(AgentError):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "evil2").exists()


@pytest.mark.parametrize("limit", ["MAX_SERIES_BYTES", "MAX_SERIES_FILES"])
def test_an_archive_cannot_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """A few kilobytes of xz may stand for any length; of sparse files only data counts."""
    monkeypatch.setattr(replay, limit, 1 << 20 if limit == "MAX_SERIES_BYTES" else 3)
    path, large = tmp_path / "x.tar.xz", tarfile.TarInfo("step/proc/large")
    large.size = 64 << 20 if limit == "MAX_SERIES_BYTES" else 1
    with tarfile.open(path, "w:xz") as tar:
        for number in range(1 if limit == "MAX_SERIES_BYTES" else 4):
            large.name += str(number)
            tar.addfile(large, io.BytesIO(bytes(large.size)))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(AgentError, match="unpacks to more than"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_shipped_series_plays(tmp_path: Path) -> None:
    steps = shipped_series(tmp_path)
    assert len(steps) > 3
    made = Viewer(steps)
    made.take(made.replay.full())
    for _ in range(len(steps) + 6):
        made.tick(1.0)
    made.replay.close()
    assert made.picture.snapshot().processes
