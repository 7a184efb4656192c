"""Which files hold which host's history.

A host's directory bears its id; one that begins with a dot, behind a sign that no id has. A history
file bears the time at which it begins, in microseconds since 1970.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

SUFFIX: Final = ".hsrec"
_DOTTED: Final = "="
_DIGITS: Final = 17
_TRASH: Final = ".deleted-"


def directory_of(root: Path, host_id: str) -> Path:
    """Where this host's files are, or will be."""
    return root / (f"{_DOTTED}{host_id}" if host_id.startswith(".") else host_id)


def make_directory(root: Path, host_id: str) -> Path:
    """That directory, there and for its owner alone.

    Raises:
        OSError: it cannot be made.
    """
    directory = directory_of(root, host_id)
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory


def stored_hosts(root: Path) -> dict[str, Path]:
    """Every host of which there is a directory. What was put away is removed.

    Raises:
        OSError: the root cannot be read.
    """
    found = {}
    for directory in sorted(path for path in root.iterdir() if path.is_dir()):
        if directory.name.startswith(_TRASH):
            shutil.rmtree(directory, ignore_errors=True)
        elif not directory.name.startswith("."):
            found[directory.name.removeprefix(_DOTTED)] = directory
    return found


def new_file(directory: Path, first_us: int) -> Path:
    """The name of a file that begins at this time."""
    return directory / f"{first_us:0{_DIGITS}d}{SUFFIX}"


def files_in(directory: Path) -> list[str]:
    """The names of its history files, in order of time; none where it is not there."""
    try:
        names = [path.name for path in directory.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(name for name in names if name.endswith(SUFFIX))


def put_away(root: Path, directory: Path, number: int) -> Path | None:
    """Take a host's directory out of sight at once, to be removed; None: there is none."""
    trash = root / f"{_TRASH}{os.getpid()}-{number}"
    try:
        directory.rename(trash)
    except OSError:
        return None
    return trash
