"""A directory that goes with the process that made it, however that ends."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_REMOVE: Final = (
    'PATH=/usr/bin:/bin; trap "" INT TERM HUP; cat >/dev/null;'
    ' rm -rf -- "$1" 2>/dev/null || { sleep 1; rm -rf -- "$1"; }'
)
"""Waits for the end of a pipe that only the owner holds open; the owner's processes, which are
killed a moment later, may write until then.
"""

_REMOVE_WAIT_S: Final = 10.0


class ScratchDirectory:
    """`path` is there from the begin of the context until its end.

    A shell waits beside it, which removes it where the owner was killed. Other processes that
    the owner starts must not inherit descriptors (Python's do not). `within`: where directories of
    this machine that do not last are, if not said.
    """

    def __init__(self, prefix: str, within: Path | None = None) -> None:
        self._prefix = prefix
        self._within = within
        self._remover: subprocess.Popen[bytes] | None = None
        self._path: Path | None = None

    @property
    def path(self) -> Path:
        """For its owner alone."""
        if self._path is None:
            raise RuntimeError("the directory is there within the context only")
        return self._path

    def __enter__(self) -> Self:
        self._path = Path(tempfile.mkdtemp(prefix=self._prefix, dir=self._within))
        try:
            self._remover = subprocess.Popen(
                ["/bin/sh", "-c", _REMOVE, "hs-remover", str(self._path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
        except BaseException:
            self._path.rmdir()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._remover is not None:
            self._remover.communicate(timeout=_REMOVE_WAIT_S)
        self._remover = self._path = None
