"""`hugescope capture`, and archives as roots: what is wrong is said by its flag."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hugescope.cli import app
from hugescope.errors import CommandError
from hugescope_agent.capture.capture import take, write
from hugescope_agent.errors import AgentError, BadRoot
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from tests.unit.agent.tree_builder import MadeMapping, MadeProcess, MadeTree, build, mapped

START = 0x7E0000000000


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return build(
        tmp_path / "tree", MadeTree({41: MadeProcess((MadeMapping(START, (mapped(1),)),))})
    )


@pytest.fixture
def archive(tree: Path, tmp_path: Path) -> Path:
    path = tmp_path / "made.tar.xz"
    files = HostFiles(Root.at(str(tree)))
    write(files, take(files, None), path)
    files.close()
    return path


def test_an_archive_is_a_root(tree: Path, archive: Path) -> None:
    shown = [
        json.loads(CliRunner().invoke(app, ["snapshot", "--json", "--root", str(root)]).output)
        for root in (tree, archive)
    ]
    assert shown[0]["processes"] == shown[1]["processes"]
    assert shown[0]["processes"][0]["mappings"][0]["runs"][0]["state"] == "mapped"


def test_what_is_no_single_tree_is_no_root(tmp_path: Path) -> None:
    runner = CliRunner()
    text = tmp_path / "text"
    text.write_text("no archive")
    done = runner.invoke(app, ["snapshot", "--root", str(text)])
    assert isinstance(done.exception, AgentError)
    assert f"{text}: cannot be unpacked" in str(done.exception)
    step = tmp_path / "step"
    (step / "proc").mkdir(parents=True)
    (step / "proc/version").write_text("Linux version 6.12")
    for steps, said in ((0, "no captured tree"), (2, "a series of 2")):
        series = tmp_path / f"{steps}.tar.xz"
        with tarfile.open(series, "w:xz") as tar:
            for number in range(steps):
                tar.add(step, f"step{number}")
        done = runner.invoke(app, ["snapshot", "--root", str(series)])
        assert isinstance(done.exception, BadRoot)
        assert said in str(done.exception)


def test_a_captured_tree_is_not_captured_again(tree: Path, tmp_path: Path) -> None:
    words = ["capture", "-o", str(tmp_path / "x.tar.xz"), "--root", str(tree)]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, CommandError)
    assert str(done.exception) == f"--root {tree}: is a captured tree already"


def test_nothing_is_written_over(tmp_path: Path) -> None:
    there = tmp_path / "x.tar.xz"
    there.write_text("mine")
    done = CliRunner().invoke(app, ["capture", "-o", str(there)])
    assert isinstance(done.exception, CommandError)
    assert str(done.exception) == f"--output {there}: is there already"
    assert there.read_text() == "mine"
