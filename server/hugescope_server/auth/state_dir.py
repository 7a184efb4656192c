"""The directory that outlives the server: where it is, and that nobody else can write there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hugescope_server.errors import ServerError


class StateError(ServerError):
    """The state directory or a file in it cannot be used; the message names it and says why."""


def default_state_dir() -> Path:
    """$STATE_DIRECTORY (systemd), else $XDG_STATE_HOME/hugescope, else ~/.local/state/hugescope."""
    by_systemd = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if by_systemd:
        return Path(by_systemd)
    by_user = os.environ.get("XDG_STATE_HOME", "")
    if by_user.startswith("/"):
        return Path(by_user) / "hugescope"
    return Path("~/.local/state/hugescope").expanduser()


def secure_directory(path: Path) -> None:
    """Make it, of mode 0700, where it is missing; else see that only its owner writes there.

    One that is there is never changed: it may be shared with something else by mistake.

    Raises:
        StateError: it cannot be made, or belongs to somebody else, or others may write there.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
    except OSError as error:
        raise StateError(f"state directory {path}: {error.strerror}; choose another") from None
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StateError(
            f"state directory {path}: others may write there, and tokens are kept in it; "
            "choose a directory of its own, or `chmod go-w` it"
        )
    if os.geteuid() != 0 and status.st_uid != os.geteuid():
        raise StateError(f"state directory {path}: belongs to another user; choose another")
