"""What recorded time is made of, in whatever format it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hugescope_wire.frames import RawFrame

END_OF_TIME_S: Final = 1e11
"""Seconds since 1970: no recorded moment lies so late, or before 1970."""


@dataclass(frozen=True, slots=True)
class Record:
    """One frame, and when it was made: seconds since 1970."""

    at_s: float
    frame: RawFrame


@dataclass(frozen=True, slots=True)
class Loss:
    """A time of which nothing can be read, and why, in words for people.

    Attributes:
        until_s: None: to the end of what was recorded, whenever that was.
    """

    since_s: float
    until_s: float | None
    why: str
