from pathlib import Path

import pytest

from hugescope_server.auth.state_dir import default_state_dir
from hugescope_server.settings import ServerSettings


def test_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HUGESCOPE_STATE_DIR", "STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    assert default_state_dir() == Path("/home/someone/.local/state/hugescope")
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_state_dir() == Path("/state/hugescope")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert default_state_dir() == Path("/home/someone/.local/state/hugescope")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/hugescope:/var/lib/other")
    assert default_state_dir() == Path("/var/lib/hugescope")
    assert ServerSettings().state_dir == Path("/var/lib/hugescope")
    monkeypatch.setenv("HUGESCOPE_STATE_DIR", "/mine")
    assert ServerSettings().state_dir == Path("/mine")
