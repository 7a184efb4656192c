"""Archives come out as they went in, with their holes, by Python's tarfile and by GNU tar."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest

from hugescope_agent.capture.archive import TreeArchive
from hugescope_agent.errors import AgentError
from hugescope_agent.replay import unpack

SIZE = 1 << 38
INDEX = np.array([0, 1, 63, 64, 5000, 1 << 20, (SIZE >> 3) - 1], np.int64)
WORDS = np.array([1, 2, 3, 4, 0, 6, (1 << 64) - 1], np.uint64)
MANY = 10_000


def made(tmp_path: Path) -> Path:
    path = tmp_path / "made.tar.xz"
    with TreeArchive(path) as archive:
        archive.file("proc/version", b"Linux version 6.12\n")
        archive.file("proc/7/empty", b"")
        archive.directory("proc/8")
        archive.words("proc/7/pagemap", SIZE, INDEX, WORDS)
        archive.words("proc/nothing", SIZE, INDEX[:0], WORDS[:0])
        index = np.arange(MANY, dtype=np.int64) * 100
        archive.words("proc/many", MANY * 1024, index, index.astype(np.uint64))
    return path


def with_python(path: Path, into: Path) -> None:
    unpack(path, into)


def with_tar(path: Path, into: Path) -> None:
    if shutil.which("tar") is None or shutil.which("xz") is None:
        # CI's base image has both; elsewhere not everybody has them.
        assert "CI" not in os.environ, "no tar or xz"
        pytest.skip("no tar or xz")
    into.mkdir()
    done = subprocess.run(
        ["tar", "xf", path, "-C", into], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def words_of(path: Path, index: np.ndarray) -> list[int]:
    with path.open("rb") as file:
        return [int.from_bytes(os.pread(file.fileno(), 8, at * 8), "little") for at in index]


@pytest.mark.parametrize("extract", [with_python, with_tar])
def test_what_went_in_comes_out(tmp_path: Path, extract) -> None:
    place = tmp_path / "tree"
    extract(made(tmp_path), place)
    assert (place / "proc/version").read_bytes() == b"Linux version 6.12\n"
    assert (place / "proc/8").is_dir()
    pagemap = place / "proc/7/pagemap"
    assert pagemap.stat().st_size == SIZE
    assert words_of(pagemap, INDEX) == WORDS.tolist()
    assert words_of(pagemap, INDEX + 2)[0] == 0
    assert pagemap.stat().st_blocks * 512 < 1 << 20
    assert (place / "proc/nothing").stat().st_size == SIZE
    assert (place / "proc/nothing").stat().st_blocks == 0
    many = np.fromfile(place / "proc/many", np.uint64)
    there = np.flatnonzero(many)
    assert there.tolist() == [at * 100 for at in range(1, MANY)]
    assert (many[there] == there).all()


def test_everybody_may_read_what_is_in_it_and_nobody_else_the_archive(tmp_path: Path) -> None:
    path = made(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as tar:
        members = tar.getmembers()
    assert {member.mode for member in members if member.isfile()} == {0o644}
    assert {member.mode for member in members if member.isdir()} == {0o755}
    assert {(member.uid, member.gid) for member in members} == {(0, 0)}
    assert len({member.name for member in members}) == len(members)


def test_a_capture_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "made.tar.xz"

    def fail() -> None:
        with TreeArchive(path) as archive:
            archive.file("x/y", b"1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not path.exists()


def test_a_full_disk_is_said_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "made.tar.xz"

    def fail(number: int) -> None:
        with TreeArchive(path):
            raise OSError(number, os.strerror(number))

    with pytest.raises(AgentError, match=r"made\.tar\.xz: No space left on device"):
        fail(errno.ENOSPC)
    with pytest.raises(PermissionError):
        fail(errno.EACCES)
    assert not path.exists()


def test_what_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "made.tar.xz"
    path.write_bytes(b"mine")
    with pytest.raises(AgentError, match=r"made\.tar\.xz: File exists"):
        TreeArchive(path)
    assert path.read_bytes() == b"mine"
    with pytest.raises(AgentError, match="No such file"):
        TreeArchive(tmp_path / "no" / "x")
