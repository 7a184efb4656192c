from typing import Any

import pytest
from typer.testing import CliRunner

from hugescope.cli import app
from hugescope.commands import up


@pytest.mark.parametrize(
    ("given", "agent"),
    [
        ([], []),
        (["--thp-pid", "41", "--thp-pid", "42"], ["--thp-pid", "41", "--thp-pid", "42"]),
        (["--qmp", "/run/a.qmp", "--qmp", "b"], ["--qmp", "/run/a.qmp", "--qmp", "b"]),
    ],
)
def test_what_the_agent_is_told(
    monkeypatch: pytest.MonkeyPatch, given: list[str], agent: list[str]
) -> None:
    told: list[Any] = []

    class Server:
        def __init__(self, settings: Any) -> None:
            """It takes no port."""

        def serve(self, announce: Any, host_id: str, arguments: list[str]) -> None:
            """What it was given."""
            told.append((host_id, arguments))

    monkeypatch.setattr(up, "Listening", Server)
    done = CliRunner().invoke(app, ["up", "--host-id", "box", *given])
    assert done.exit_code == 0, done.output
    assert told == [("box", ["--root", "/", *agent])]
