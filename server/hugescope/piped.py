"""What a command prints where nobody reads on: `hugescope cat FILE | head`.

As other commands it then ends, and says nothing of it. The exit code is what a shell tells of a
command that SIGPIPE ended; the signal itself is not used: it would leave scratch directories, and
end whoever writes to a socket.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, TextIO

PIPE_EXIT: Final = 141
"""128 and the number of SIGPIPE."""


class _Output(io.FileIO):
    """Where text goes; what is written after its reader left goes nowhere.

    Attributes:
        left: the reader did.
    """

    def __init__(self, fd: int) -> None:
        super().__init__(fd, "w", closefd=False)
        self.left = False

    def write(self, data: object) -> int:
        """As `FileIO` does.

        Raises:
            BrokenPipeError: the first time after the reader left.
        """
        try:
            return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError:
            self.left = True
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            raise


def _taken(stream: TextIO) -> tuple[TextIO, _Output]:
    """A stream that does as this one, and what it writes to."""
    stream.flush()
    output = _Output(stream.fileno())
    text = io.TextIOWrapper(
        io.BufferedWriter(output),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream is sys.__stderr__ or stream.isatty(),
    )
    return text, output


@contextmanager
def until_nobody_reads() -> Iterator[None]:
    """A program that ends by `sys.exit` within ends with `PIPE_EXIT` where its reader left."""
    outputs = []
    # Tests put something else in their place, and a service may have none.
    out, err = sys.__stdout__, sys.__stderr__
    if out is not None and sys.stdout is out:
        sys.stdout, output = _taken(out)
        outputs.append(output)
    if err is not None and sys.stderr is err:
        sys.stderr, output = _taken(err)
        outputs.append(output)
    try:
        yield
    except (SystemExit, BrokenPipeError):
        for stream in (sys.stdout, sys.stderr):
            with suppress(BrokenPipeError):
                stream.flush()
        if any(output.left for output in outputs):
            sys.exit(PIPE_EXIT)
        raise
