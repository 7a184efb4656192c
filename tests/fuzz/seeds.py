"""Real input to begin with: files of captured kernels, frames as they travel, recordings."""

from __future__ import annotations

import base64
import json
import random
import tarfile
from functools import cache
from pathlib import Path
from typing import Final

from hugescope_agent.playback import SHIPPED
from tests.unit.server.made_host import MadeHost

ROOT: Final = Path(__file__).parents[2]
ARCHIVES: Final = sorted((ROOT / "tests" / "data" / "trees").glob("*.tar.xz"))
FOUND: Final = ROOT / "tests" / "data" / "fuzz"
_MOST_BYTES: Final = 1 << 14
"""Of a seed: what is longer is slow to try, and says nothing new."""


@cache
def _captured() -> dict[str, tuple[bytes, ...]]:
    """Every small file of the captured trees by its last name, without repetitions."""
    found: dict[str, dict[bytes, None]] = {}
    for archive in ARCHIVES:
        with tarfile.open(archive) as tar:
            for member in tar:
                file = tar.extractfile(member) if member.size < 1 << 20 else None
                if file is not None:
                    data = _shortened(file.read())
                    found.setdefault(member.name.rpartition("/")[2], {})[data] = None
    return {name: tuple(data) for name, data in found.items()}


def captured(*names: str, most: int = 4) -> list[bytes]:
    """Files of these names that real kernels wrote: the shortest, and the longest."""
    files = sorted((one for name in names for one in _captured().get(name, ())), key=len)
    assert files, f"no captured tree has {names}"
    return files if len(files) <= most else [*files[: most - 1], files[-1]]


def _shortened(data: bytes) -> bytes:
    if len(data) <= _MOST_BYTES:
        return data
    return data[: data.rfind(b"\n", 0, _MOST_BYTES) + 1]


@cache
def golden_frames() -> tuple[bytes, ...]:
    """The frames that the front end is tested with, too."""
    place = ROOT / "frontend" / "src" / "wire" / "testdata" / "golden-frames.json"
    cases = json.loads(place.read_text())
    both = (*cases["cases"], *cases["group_cases"])
    return tuple(base64.b64decode(case["frame"]) for case in both)


@cache
def made_frames(count: int = 12) -> tuple[bytes, ...]:
    """A full frame of a made-up host, and deltas that follow it."""
    host = MadeHost(random.Random(7))
    for pid, cells in ((1, 40), (1, 3), (2, 600)):
        host.add(pid, cells)
    return (host.full(), *(host.step() for _ in range(count)))


@cache
def recordings() -> tuple[bytes, ...]:
    """One of each format, and a recorded migration, which is compressed."""
    samples = sorted((ROOT / "tests" / "data" / "recordings").glob("*.hsrec"))
    shipped = ROOT / "agent" / "hugescope_agent" / "data" / SHIPPED
    return tuple(path.read_bytes() for path in (*samples, shipped))
