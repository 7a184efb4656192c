"""How long, as people type it: 30s, 5m, 1h, 7d."""

from __future__ import annotations

import re
from typing import Final

from hugescope.errors import CommandError

_DURATION: Final = re.compile(r"(?P<number>[0-9]{1,12}(?:\.[0-9]{1,9})?)(?P<unit>s|m|h|d)?")
SECONDS: Final = {None: 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
"""Of each unit; None: a number without one."""


def seconds_of(flag: str, text: str) -> float:
    """Seconds, more than 0.

    Raises:
        CommandError: it is none; names the flag.
    """
    match = _DURATION.fullmatch(text)
    if match is None or float(match["number"]) == 0:
        raise CommandError(f"{flag} {text}: is no duration such as 30s, 5m or 1h")
    return float(match["number"]) * SECONDS[match["unit"]]
