"""Lines of the log of which a stranger causes as many as he likes: few are written."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from hugescope_server.auth.limits import Allowance

_LINES_AT_ONCE: Final = 20
_LINE_PERIOD_S: Final = 1.0


class FewLines:
    """Twenty at once and one more each second; the next line says how many were not written.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowance = Allowance(_LINES_AT_ONCE, _LINE_PERIOD_S, clock)
        self._unsaid = 0

    def more(self) -> str | None:
        """What this line ends with, if it may be written: nothing, or how many were not; None: it
        may not, and is counted for the next.
        """
        if self._allowance.wait_s("") > 0:
            self._unsaid += 1
            return None
        self._allowance.spend("")
        unsaid, self._unsaid = self._unsaid, 0
        return f" (and {unsaid} more)" if unsaid else ""
