"""Openers that commands are given: what is wrong is said before anything is looked at."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hugescope.cli import app
from hugescope_agent import privileges
from hugescope_agent.errors import AgentError
from tests import access
from tests.unit.agent.tree_builder import MadeTree, build

COMMANDS = {
    "snapshot": [],
    "pool": [],
    "findings": [],
    "doctor": [],
    "agent": [],
    "page": ["--pid", "1", "--address", "1000"],
    "record": ["-o", "/nowhere/file"],
}


def complaint(*arguments: str) -> str:
    """The one line that a command ends with."""
    # An agent asks for its token first.
    done = CliRunner().invoke(app, list(arguments), env=access.agent_environment("here"))
    assert done.exception is not None
    return str(done.exception)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_opener_that_is_not_there(command: str, tmp_path: Path) -> None:
    socket = str(tmp_path / "socket")
    said = complaint(command, *COMMANDS[command], "--opener", socket)
    assert said.startswith(f"--opener {socket}: proc/kpagecount: the opener does not answer")


@pytest.mark.parametrize("flag", ["--opener", "--drop-to"])
def test_a_capture_takes_no_privileges(flag: str, tmp_path: Path) -> None:
    tree = str(build(tmp_path, MadeTree()))
    said = complaint("agent", "--root", tree, flag, "nobody")
    assert said == f"{flag} nobody: a captured tree such as {tree} takes no privileges"


def test_flags_that_exclude_each_other() -> None:
    said = complaint("agent", "--replay", "shipped", "--drop-to", "nobody")
    assert said == "--drop-to nobody: a replay takes no privileges"
    said = complaint("agent", "--opener", "/s", "--drop-to", "nobody")
    assert said == "--drop-to starts an opener of its own: leave --opener away"


def test_users_by_name_and_number() -> None:
    entry = pwd.getpwuid(os.getuid())
    assert privileges.user_id(entry.pw_name) == (entry.pw_uid, entry.pw_gid)
    assert privileges.user_id(str(entry.pw_uid)) == (entry.pw_uid, entry.pw_gid)
    # A container need not know its users by name.
    assert privileges.user_id("4000000001") == (4000000001, 4000000001)
    for nobody in ("no such user", "", "-1", str(1 << 40)):
        with pytest.raises(AgentError, match="there is no user"):
            privileges.user_id(nobody)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may drop")
def test_who_has_nothing_has_nothing_to_drop() -> None:
    assert "it takes root" in complaint("agent", "--drop-to", pwd.getpwuid(os.getuid()).pw_name)
