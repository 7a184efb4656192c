"""Replays a recorded series of captured trees, as if the host changed from one to the next.

A series is a directory of steps, or a .tar.xz of one, each step a root as `Root.at` reads it. It is
read by the same code as a live host; every sample says that it is a replay.
"""

from __future__ import annotations

import lzma
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.resources import as_file, files
from pathlib import Path, PurePosixPath
from typing import Any, Final

from hugescope_agent.errors import AgentError
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.sample import Sample, SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_wire.host import Source
from hugescope_wire.page import PageDetail

STEP_S: Final = 0.7
_SCRATCH: Final = "hugescope-replay-"
_FILTER: Final[dict[str, Any]] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
"""As Debian 12's Python 3.11.2 has none."""

_HOLD_STEPS: Final = 4
"""The last picture stays for so many steps before the series starts over."""

MAX_SERIES_BYTES: Final = 1 << 30
MAX_SERIES_FILES: Final = 100_000
"""Of a series that is unpacked: a captured tree of a large host has some megabytes."""

SHIPPED: Final = "hgm-v2-postcopy.tar.xz"
SHIPPED_NAME: Final = (
    "a post-copy filled 4 KiB at a time, recorded on Linux 6.3.8 with the HugeTLB HGM v2 patches"
)


class Replay:
    """Gives samples of a series, step after step, again from the start when it ends."""

    def __init__(
        self,
        steps: list[Path],
        name: str,
        step_s: float = STEP_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`steps` are roots in order.

        Raises:
            AgentError: there is none.
            BadRoot: one is no root.
        """
        if not steps:
            raise AgentError("the series to replay holds no step")
        self._roots = [Root.at(str(step)) for step in steps]
        self._step_s = step_s
        self._clock = clock
        self._start_s = clock()
        self._at = 0
        self._files = HostFiles(self._roots[0])
        source = Source(kind="replay", name=name)
        options = SamplerOptions(tick_hz=1 / step_s, reports=True)
        self._sampler = Sampler(self._files, source, options, clock)

    def full(self) -> Sample:
        """Everything, of the present step."""
        self._advance()
        return self._sampler.full()

    def tick(self) -> Sample | None:
        """What changed with the present step; None while it lasts."""
        return self._sampler.tick() if self._advance() else None

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        """What is behind an address in the present step; raises AskError where nothing is."""
        return self._sampler.page(pid, address, part)

    def close(self) -> None:
        """Close what is open."""
        self._sampler.close()
        self._files.close()

    def _advance(self) -> bool:
        passed = int((self._clock() - self._start_s) / self._step_s)
        step = min(passed % (len(self._roots) + _HOLD_STEPS), len(self._roots) - 1)
        held = step == self._at
        if not held:
            fresh = HostFiles(self._roots[step])
            self._sampler.use(fresh)
            self._files.close()
            self._files, self._at = fresh, step
        # A held step is looked at too: its sample tells viewers that the replay lives.
        return not held or passed % (len(self._roots) + _HOLD_STEPS) >= len(self._roots)


def shipped_series(into: Path) -> list[Path]:
    """Unpack the series that the package carries; its steps in order."""
    with as_file(files("hugescope_agent") / "data" / SHIPPED) as archive:
        return unpack(archive, into)


def unpack(archive: Path, into: Path) -> list[Path]:
    """Unpack a series, sparse files staying sparse; its steps in order.

    Raises:
        AgentError: it is no such archive.
    """
    try:
        with tarfile.open(archive) as tar:
            members = list(_bounded(tar))
            tar.extractall(into, members, **_FILTER)  # noqa: S202 - each member was checked
    except (OSError, EOFError, tarfile.TarError, lzma.LZMAError) as error:
        reason = (str(error).splitlines() or ["it is damaged"])[0]
        raise AgentError(f"{archive}: cannot be unpacked: {reason}") from None
    return steps_of(into)


def steps_of(directory: Path) -> list[Path]:
    """The steps of an unpacked series: every directory in it that holds a proc, by name.

    Raises:
        AgentError: the directory cannot be read.
    """
    try:
        os.listdir(directory)
    except OSError as error:
        raise AgentError(f"{directory}: {error.strerror}") from None
    return sorted(proc.parent for proc in directory.glob("**/proc") if proc.is_dir())


def _bounded(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Its members, as long as all of them together do not fill the disk: a few bytes of xz can
    stand for gigabytes. Of a sparse file its data counts.
    """
    total = 0
    for number, member in enumerate(tar, start=1):
        total += _data_bytes(member)
        if total > MAX_SERIES_BYTES or number > MAX_SERIES_FILES:
            raise tarfile.TarError(
                f"it unpacks to more than {MAX_SERIES_BYTES} bytes or {MAX_SERIES_FILES} files"
            )
        yield _harmless(member)


def _data_bytes(member: tarfile.TarInfo) -> int:
    sparse: list[tuple[int, int]] | None = getattr(member, "sparse", None)
    return member.size if sparse is None else sum(size for _, size in sparse)


def _harmless(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Refuse what could leave the directory: Python before 3.11.4 extracts it all the same."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
        raise tarfile.TarError(f"{member.name} does not belong into a series")
    return member


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A place for an unpacked series, gone with the process; sweeps up after killed ones."""
    for left in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
        owner = left.name.removeprefix(_SCRATCH).partition("-")[0]
        if owner.isdecimal() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"{_SCRATCH}{os.getpid()}-")
