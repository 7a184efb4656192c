"""What `hugescope agent` and `hugescope doctor` say of virtual machines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hugescope.cli import app
from hugescope.commands import agent
from hugescope.errors import CommandError
from hugescope_agent.kernel import perf
from hugescope_server.auth.principal import Role
from tests import access
from tests.unit.agent.tree_builder import MadeTree, build


def test_there_is_no_qemu_in_what_is_replayed_or_captured(tmp_path: Path) -> None:
    build(tmp_path, MadeTree())
    token = tmp_path / "token"
    token.write_text(access.token(Role.AGENT, "box"))
    shown = ["--token-file", str(token)]
    for place in (["--replay", "shipped"], ["--root", str(tmp_path)]):
        done = CliRunner().invoke(app, ["agent", *place, "--qmp", "/run/web1.qmp", *shown])
        assert isinstance(done.exception, CommandError)
        assert "--qmp /run/web1.qmp" in str(done.exception)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "$HUGESCOPE_TOKEN: holds no token"),
        (["--token-file", "/nowhere/token"], "--token-file /nowhere/token: No such file"),
        (["--token-file", "/dev/null"], "--token-file /dev/null: holds no token"),
        (["--server", "ws://server:8765"], "would cross the network in the clear"),
        (["--server", "ws://192.0.2.1"], "would cross the network in the clear"),
    ],
)
def test_what_an_agent_shows_and_to_whom(
    monkeypatch: pytest.MonkeyPatch, given: list[str], words: str
) -> None:
    monkeypatch.delenv("HUGESCOPE_TOKEN", raising=False)
    done = CliRunner().invoke(app, ["agent", *given])
    assert isinstance(done.exception, CommandError)
    assert words in str(done.exception)


def test_the_token_file_is_read_again_and_may_be_gone_or_damaged_by_then(tmp_path: Path) -> None:
    file = tmp_path / "token"
    first, second = (access.token(Role.AGENT, host_id) for host_id in ("box", "other"))
    for text, now in ((first, first), (f"{second}\n", second), ("half a tok", None)):
        file.write_text(text)
        assert agent.token_now(file) == now
    file.unlink()
    assert agent.token_now(file) is None
    os.mkfifo(file)
    assert agent.token_now(file) is None, "a pipe would be waited for"
    assert agent.token_now(None) is None


def test_a_wrong_token_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUGESCOPE_TOKEN", "nearly-a-token")
    done = CliRunner().invoke(app, ["agent"])
    assert isinstance(done.exception, CommandError)
    assert "nearly" not in str(done.exception)
    assert "HUGESCOPE_TOKEN" not in os.environ, "what it starts must not inherit it"


def test_a_certificate_is_pinned_only_with_tls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HUGESCOPE_TOKEN", access.token(Role.AGENT, "box"))
    file = tmp_path / "cert.pem"
    file.write_text("no certificate")
    for server, words in (("ws://127.0.0.1:1", "is for wss://"), ("wss://box", str(file))):
        monkeypatch.setenv("HUGESCOPE_TOKEN", access.token(Role.AGENT, "box"))
        done = CliRunner().invoke(app, ["agent", "--server", server, "--tls-pin", str(file)])
        assert isinstance(done.exception, CommandError)
        assert words in str(done.exception)


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
