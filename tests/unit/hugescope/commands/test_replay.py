"""`hugescope replay`: which files are played, under which names, and what is said of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from hugescope.commands.replay import Align, opened_file, shelf_of
from hugescope.errors import CommandError
from hugescope_server.timeline.shelf import Moved
from tests.unit.wire.made_recording import made


def written(path: Path, data: bytes | None = None) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(made()) if data is None else data)
    return path


def test_each_file_is_a_host_with_a_name_of_its_own(tmp_path: Path) -> None:
    paths = [written(tmp_path / name / "box.hsrec") for name in ("a", "b")]
    paths.append(written(tmp_path / "a" / "other box.hsrec"))
    shelf = shelf_of([opened_file(path) for path in paths], Align.WALL)
    assert shelf.hosts() == ["box", "box-2", "other-box"]


def test_beginnings_are_aligned_when_asked(tmp_path: Path) -> None:
    one = opened_file(written(tmp_path / "one.hsrec"))
    two = Moved(one, 500.0, "two.hsrec")
    for align, began_s in ((Align.WALL, one.began_s + 500.0), (Align.START, one.began_s)):
        archive = shelf_of([one, two], align).archive("two")
        assert archive is not None
        assert archive.began_s == began_s
        assert archive.name == "two.hsrec"


def test_what_is_lost_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "torn.hsrec", b"".join(made())[:-3])
    opened_file(path)
    assert f"{path}: lost from 0.5 s on: " in capsys.readouterr().err
    opened_file(written(tmp_path / "whole.hsrec"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("none.hsrec", None, "No such file"),
        ("text.hsrec", b"hello", "does not begin as a recording"),
        ("empty.hsrec", b"", "does not begin as a recording"),
    ],
)
def test_what_cannot_be_played_is_said_by_its_name(
    tmp_path: Path, name: str, data: bytes | None, why: str
) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(CommandError, match=why) as error:
        opened_file(path)
    assert str(error.value).startswith(str(path))


def test_a_directory_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="directory"):
        opened_file(tmp_path)
