"""`hugescope record`, a process of its own, killed at random moments."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.unit.agent.tree_builder import MadeMapping, MadeProcess, MadeTree, build, mapped
from tests.unit.wire.segments.made_series import open_or_none

from hugescope_wire.archive import Archive, applied
from hugescope_wire.picture import HostPicture

START = 0x7E00_0000_0000
PAGES = 40


def made_tree(directory: Path) -> Path:
    """A captured tree to record: nothing changes in it, so every picture has the same cells."""
    cells = tuple(mapped(number) for number in range(1, PAGES))
    return build(directory, MadeTree({41: MadeProcess((MadeMapping(START, cells),))}))


def kill_records(directory: Path, kills: int) -> dict[str, int]:
    """So many recordings that did not end; how many frames they hold, and what is wrong."""
    tree, draw = made_tree(directory / "tree"), random.Random(1)
    found = {"record_kills": 0, "record_frames": 0, "record_wrong": 0, "record_untold": 0}
    for number in range(kills):
        path = directory / f"{number}.hsrec"
        _record_and_kill(path, tree, draw.random() * 2.5)
        archive = open_or_none(path) if path.exists() else None
        found["record_kills"] += 1
        if archive is not None:
            frames, wrong = _wrong_pictures(archive)
            found["record_frames"] += frames
            found["record_wrong"] += wrong
            found["record_untold"] += not archive.losses
        path.unlink(missing_ok=True)
    return found


def _record_and_kill(path: Path, tree: Path, after_s: float) -> None:
    command = [sys.executable, "-m", "hugescope", "record", "-o", str(path)]
    with subprocess.Popen(
        [*command, "--root", str(tree), "--hz", "50"], stderr=subprocess.DEVNULL
    ) as process:
        while not path.exists() and process.poll() is None:
            time.sleep(0.005)
        time.sleep(after_s)
        os.kill(process.pid, signal.SIGKILL)


def _wrong_pictures(archive: Archive) -> tuple[int, int]:
    """Frames, and those after which a cell is not as it is in the tree."""
    picture, frames, wrong = HostPicture(), 0, 0
    for record in archive.records():
        applied(picture, record.frame)
        frames += 1
        (cells,) = picture.cells.values()
        wrong += int((cells.mapped_pages == 512).sum()) != PAGES - 1
    return frames, wrong
