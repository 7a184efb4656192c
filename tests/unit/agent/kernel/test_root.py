"""The root to read from: what is wrong with one is said in a line that names it."""

import errno
import os
from pathlib import Path

import pytest

from hugescope_agent.errors import BadRoot, ProcessDenied, ProcessGone, ProcessUnreadable
from hugescope_agent.kernel.root import Root
from tests.unit.agent.tree_builder import MadeTree, build


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An empty captured tree."""
    return build(tmp_path / "tree", MadeTree())


def test_the_machine_itself_is_live_and_a_capture_is_not(tree: Path) -> None:
    assert Root.at("/") == Root("", True)
    assert Root.at("//") == Root.at("/")
    assert Root.at(str(tree)) == Root(str(tree), False)
    assert Root.at(f"{tree}/") == Root(str(tree), False)


def test_a_relative_path_is_made_absolute(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree.parent)
    assert Root.at("tree").path == str(tree)


def test_a_tree_of_processes_only_is_a_capture(tmp_path: Path) -> None:
    (tmp_path / "proc/41").mkdir(parents=True)
    assert not Root.at(str(tmp_path)).live


@pytest.mark.parametrize("name", ["absent", "file", "empty", "bare"])
def test_what_is_no_root_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bare/proc/sys").mkdir(parents=True)
    with pytest.raises(BadRoot, match=f"{tmp_path}/{name}"):
        Root.at(str(tmp_path / name))


def test_pids_rise_and_other_names_are_passed_over(tree: Path) -> None:
    for name in ("9", "10", "1", "self", "1a", "-1", "²", "meminfo"):
        (tree / "proc" / name).mkdir()
    assert Root.at(str(tree)).pids() == [1, 9, 10]


def test_text_is_stripped_decoded_or_none(tree: Path) -> None:
    root = Root.at(str(tree))
    (tree / "proc/odd").write_bytes(b"a\xff\x00b\n")
    assert root.read_text("proc/odd") == "a\ufffd\x00b"
    assert root.read_text("proc/none") is None
    assert root.read_text("proc") is None


def test_names_of_a_missing_directory_are_none(tree: Path) -> None:
    assert Root.at(str(tree)).names("proc/41") == []


def test_a_pipe_in_a_capture_is_not_waited_for(tree: Path) -> None:
    os.mkfifo(tree / "proc/pipe")
    assert Root.at(str(tree)).read("proc/pipe") == b""


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(
    ("number", "live_kind"),
    [
        (errno.ENOENT, ProcessGone),
        (errno.ESRCH, ProcessGone),
        (errno.EACCES, ProcessDenied),
        (errno.EPERM, ProcessDenied),
        (errno.EIO, ProcessUnreadable),
        (errno.ENOMEM, ProcessUnreadable),
    ],
)
def test_errors_by_kind(live: bool, number: int, live_kind: type[Exception]) -> None:
    """Nobody leaves a captured tree."""
    error = Root("", live).process_error(OSError(number, os.strerror(number)), "proc/9/maps")
    captured_kind = ProcessUnreadable if live_kind is ProcessGone else live_kind
    assert type(error) is (live_kind if live else captured_kind)
    assert "proc/9/maps" in str(error)
