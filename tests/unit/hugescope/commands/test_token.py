"""What `hugescope token` does with a state directory, and what it says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hugescope.cli import app
from hugescope.errors import CommandError
from hugescope_server.auth.principal import Role
from hugescope_server.auth.secret import SECRET_PATTERN
from hugescope_server.auth.store import TokenStore

DAY_S = 86_400


def token(state: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["token", *words, "--state-dir", str(state)])


def test_a_token_is_alone_on_the_output_and_is_not_listed(tmp_path: Path) -> None:
    words = ["--role", "agent", "--host-id", "h1", "--label", "rack 4", "--expires", "30d"]
    made = token(tmp_path, "create", *words)
    assert made.exit_code == 0, made.output
    text = made.stdout.strip()
    assert SECRET_PATTERN.fullmatch(text)
    record = TokenStore(tmp_path).find(text)
    assert record is not None
    assert record.expires_at is not None
    assert (record.role, record.host_id) == (Role.AGENT, "h1")
    assert record.expires_at - record.created_at == 30 * DAY_S
    listed = token(tmp_path, "list").stdout
    assert text not in listed
    for shown in (record.id, "agent", "h1", "rack 4", "until 2"):
        assert shown in listed
    gone = token(tmp_path, "revoke", record.id)
    assert gone.exit_code == 0
    assert TokenStore(tmp_path).find(text) is None
    assert "revoked 2" in token(tmp_path, "list").stdout


def test_sessions_are_listed_when_asked_for_and_can_be_revoked(tmp_path: Path) -> None:
    kept = TokenStore(tmp_path)
    opened = kept.redeem(kept.new_code(Role.VIEWER), DAY_S)
    assert opened is not None
    assert opened.id not in token(tmp_path, "list").stdout
    assert opened.id in token(tmp_path, "list", "--sessions").stdout
    assert token(tmp_path, "revoke", opened.id).exit_code == 0
    assert kept.holding(opened.id) is None


def test_a_one_time_url_of_the_server_that_was_started(tmp_path: Path) -> None:
    kept = TokenStore(tmp_path)
    kept.note_url("http://127.0.0.1:8765")
    for words, role in (((), Role.OPERATOR), (("--role", "viewer"), Role.VIEWER)):
        url = token(tmp_path, "url", *words).stdout.strip()
        before, _, code = url.partition("/login#code=")
        assert before == "http://127.0.0.1:8765"
        opened = kept.redeem(code, DAY_S)
        assert opened is not None
        assert opened.role is role
    elsewhere = token(tmp_path, "url", "--url", "https://box/")
    assert elsewhere.stdout.startswith("https://box/login#code=")


def test_a_directory_of_no_server_is_not_made(tmp_path: Path) -> None:
    place = tmp_path / "mistyped" / "state"
    done = token(place, "url")
    assert isinstance(done.exception, CommandError)
    assert f"no server was started with the state directory {place}" in str(done.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["create", "--role", "root"], "is none of agent, metrics, viewer, operator, admin"),
        (["create", "--role", "agent"], "--host-id: is needed"),
        (["create", "--role", "viewer", "--host-id", "h1"], "--host-id: is needed"),
        (["create", "--role", "agent", "--host-id", "a b"], "--host-id: "),
        (["create", "--role", "viewer", "--label", "\x1b[31m"], "--label: "),
        (["create", "--role", "viewer", "--expires", "soon"], "--expires soon: is no duration"),
        (["create", "--role", "viewer", "--expires", "9999d"], "ten years at most"),
        (["revoke", "x"], "x: no token or session has this id"),
        (["url"], "no server was started with the state directory"),
        (["url", "--role", "agent"], "--role agent"),
        (["url", "--role", "metrics"], "--role metrics"),
    ],
)
def test_what_cannot_be(tmp_path: Path, words: list[str], said: str) -> None:
    done = token(tmp_path, *words)
    assert isinstance(done.exception, CommandError)
    assert said in str(done.exception)


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text("{")
    done = token(tmp_path, "list")
    assert isinstance(done.exception, CommandError)
    assert f"{tmp_path}/tokens.json: is damaged" in str(done.exception)
    assert "\n" not in str(done.exception)
