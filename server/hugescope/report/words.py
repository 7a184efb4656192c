"""Numbers and states as the app's screens say them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

NOTHING: Final = "–"
UNKNOWN: Final = "unknown"
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(count: int) -> str:
    """Bytes in the largest unit that keeps it at one or more: "1.5 GiB", "512 MiB"."""
    value, unit = float(abs(count)), 0
    while value >= 1023.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    digits = 0
    if value != int(value) and unit:
        digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{'−' if count < 0 else ''}{value:.{digits}f} {_UNITS[unit]}"


def integer(count: int) -> str:
    """A whole number with separators and a true minus sign."""
    return f"{count:,}".replace("-", "−")


def percent(part: float, whole: float) -> str:
    """A share; only all of it is 100 %, and only nothing is 0 %."""
    if whole <= 0 or part <= 0:
        return "0 %"
    if part >= whole:
        return "100 %"
    value = 100 * part / whole
    return "<1 %" if value < 1 else ">99 %" if value > 99 else f"{value:.0f} %"


def duration(seconds: float) -> str:
    """How long: "0.3 s", "12 s", "4 min", "3 h", "2 d"."""
    s = max(0.0, seconds)
    for limit, each, unit in (
        (9.95, 1, "s"),
        (120, 1, "s"),
        (7200, 60, "min"),
        (172_800, 3600, "h"),
    ):
        if s < limit:
            return f"{s / each:.{1 if limit == 9.95 else 0}f} {unit}"
    return f"{s / 86_400:.0f} d"


def clock(at: datetime | float) -> str:
    """A moment in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(int(at * 1000) / 1000, UTC) if isinstance(at, float) else at
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{integer(count)} {one if count == 1 else many or one + 's'}"


def state_words(state: str, page_size: int) -> str:
    """A state as a phrase."""
    return {
        "hole": "hole: nothing is mapped",
        "mapped": f"mapped in full by one {size(page_size)} entry",
        "full": "mapped in full; by entries of which size cannot be told",
        "split": "split: mapped in full by smaller entries",
        "partial": "mapped in part",
        "marker": "userfaultfd write-protect marker, no page",
        "poisoned": "poisoned: the hardware reported bad memory",
        "migrating": "in flight: the kernel is migrating the page",
        "small": "base pages, no huge folio",
    }[state]


FLAG_WORDS: Final = {
    "exclusive": "exclusive",
    "write_protected": "write-protected (uffd)",
    "shared_table": "shared page table",
    "inferred": "inferred",
}
