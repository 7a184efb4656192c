"""Moments of recorded time, as people type them.

`+12.5s` after the beginning, `-5s` before the end, a time with its zone (RFC 3339), or HH:MM:SS,
which is read as UTC by the clock of the host that was recorded.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from hugescope.durations import SECONDS
from hugescope.errors import CommandError
from hugescope_wire.archive import Archive

_FORMS: Final = "+12.5s after the beginning, -5s before the end, 14:03:07 (UTC) or an RFC 3339 time"
_AROUND: Final = r"(?P<sign>[+-])(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>s|m|h|d)?"
_CLOCK: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"

_SLACK_S: Final = 1.0
"""A time that was copied without its fraction lies before the moment that it means."""

_MOST_DAYS: Final = 400


def moment_of(flag: str, text: str, archive: Archive) -> float:
    """Seconds since 1970, within what was recorded.

    Raises:
        CommandError: it is no moment, or lies outside; names the flag, and says what there is.
    """
    at_s = _meant(flag, text, archive)
    if archive.began_s - _SLACK_S < at_s < archive.began_s:
        at_s = archive.began_s
    if archive.ended_s < at_s < archive.ended_s + _SLACK_S / 1000:
        at_s = archive.ended_s
    if not archive.began_s <= at_s <= archive.ended_s:
        side = "before" if at_s < archive.began_s else "after"
        why = next((loss.why for loss in archive.losses if loss.until_s is None), None)
        damage = f"; damaged from there on: {why}" if why is not None and side == "after" else ""
        raise CommandError(
            f"{flag} {text}: {side} what {archive.name} holds, {span_words(archive)}{damage}"
        )
    return at_s


def is_clock(text: str) -> bool:
    """Whether it is a time of day, without a date."""
    return re.fullmatch(_CLOCK, text) is not None


def span_words(archive: Archive) -> str:
    """From when to when there is something."""
    return f"{utc_words(archive.began_s)} to {utc_words(archive.ended_s)}"


def utc_words(at_s: float) -> str:
    """A moment to the millisecond, as RFC 3339 in UTC."""
    # Down, never up: a printed end that is typed again must not lie after the end.
    at = datetime.fromtimestamp(int(at_s * 1000) / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _meant(flag: str, text: str, archive: Archive) -> float:
    if match := re.fullmatch(_AROUND, text):
        seconds = float(match["number"]) * SECONDS[match["unit"]]
        return archive.began_s + seconds if match["sign"] == "+" else archive.ended_s - seconds
    try:
        if is_clock(text):
            return _on_its_day(time.fromisoformat(text), archive)
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise CommandError(f"{flag} {text}: says no time zone; end it with Z for UTC")
        return at.timestamp()
    except (ValueError, OverflowError):
        raise CommandError(f"{flag} {text}: is no moment; give {_FORMS}") from None


def _on_its_day(clock: time, archive: Archive) -> float:
    """The first such moment of the recording; that of its first day where there is none."""
    first = datetime.fromtimestamp(archive.began_s, UTC).date()
    days = int((archive.ended_s - archive.began_s) // 86_400) + 2
    found = [_at(first + timedelta(days=n), clock) for n in range(min(days, _MOST_DAYS))]
    within = (s for s in found if archive.began_s - _SLACK_S < s <= archive.ended_s)
    return next(within, found[0])


def _at(day: date, clock: time) -> float:
    return datetime.combine(day, clock, UTC).timestamp()
