"""What `hugescope agent` and `hugescope doctor` say of virtual machines."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hugescope.cli import app
from hugescope.errors import CommandError
from hugescope_agent.kernel import perf
from tests.unit.agent.tree_builder import MadeTree, build


def test_there_is_no_qemu_in_what_is_replayed_or_captured(tmp_path: Path) -> None:
    build(tmp_path, MadeTree())
    for place in (["--replay", "shipped"], ["--root", str(tmp_path)]):
        done = CliRunner().invoke(app, ["agent", *place, "--qmp", "/run/web1.qmp"])
        assert isinstance(done.exception, CommandError)
        assert "--qmp /run/web1.qmp" in str(done.exception)


def test_the_doctor_says_whether_faults_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "hugescope_agent.kernel.perf.limit", lambda _: perf.denied("not here", "ask for it")
    )
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0, done.output
    (row,) = [line for line in done.output.splitlines() if perf.CAPABILITY in line]
    assert row.split()[0] == "no"
    assert "not here" in done.output
    assert "ask for it" in done.output


def test_a_capture_has_no_faults_to_see(tmp_path: Path) -> None:
    build(tmp_path, MadeTree())
    done = CliRunner().invoke(app, ["doctor", "--root", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert perf.CAPABILITY not in done.output
