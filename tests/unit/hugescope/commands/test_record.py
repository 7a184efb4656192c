"""`hugescope record`: what it writes can be read, and what is wrong is said by its flag."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hugescope.cli import app
from hugescope.errors import CommandError
from hugescope_agent.errors import AgentError
from hugescope_agent.playback import load
from hugescope_wire.frames import FrameKind
from tests.unit.agent.tree_builder import MadeMapping, MadeProcess, MadeTree, build, mapped

START = 0x7E0000000000


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return build(
        tmp_path / "tree", MadeTree({41: MadeProcess((MadeMapping(START, (mapped(1),)),))})
    )


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_it_writes_what_an_agent_would_send(tree: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.hsrec"
    words = ["record", "-o", str(output), "--for", "0.2s", "--hz", "0.1", "--root", str(tree)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    recording = load(output)
    assert recording.losses == ()
    first = next(recording.records()).frame
    assert first.kind is FrameKind.FULL
    (process,) = first.meta.processes
    assert process.pid == 41
    assert str(output) in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--for", "soon"], "--for soon: is no duration such as 30s, 5m or 1h"),
        (["--for", "0"], "--for 0: is no duration"),
        (["--qmp", "/q"], "--qmp /q: there is no QEMU to ask with --root"),
    ],
)
def test_what_cannot_be_names_its_flag(
    tree: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    output = tmp_path / "out.hsrec"
    done = CliRunner().invoke(app, ["record", "-o", str(output), "--root", str(tree), *words])
    assert isinstance(done.exception, CommandError)
    assert said in str(done.exception)
    assert not output.exists()


def test_no_file_is_written_over(tree: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.hsrec"
    output.write_bytes(b"mine")
    done = CliRunner().invoke(app, ["record", "-o", str(output), "--root", str(tree)])
    assert isinstance(done.exception, AgentError)
    assert "File exists" in str(done.exception)
    assert output.read_bytes() == b"mine"
