"""What goes to a terminal or a log: control characters are shown, not obeyed.

Processes, files, hosts and agents name themselves as they like; an escape sequence in a name must
not recolour, retitle or rewrite what an administrator reads.
"""

from __future__ import annotations

import logging
import re
from types import TracebackType
from typing import Final

LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OBEYED: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""DEL, C1 controls, and what turns the direction of a line."""

_Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def visible(text: str) -> str:
    """The same with everything that is not printed written out, such as `\\x1b` for an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def visible_lines(text: str) -> str:
    """The same of several lines, which stay lines."""
    return "\n".join(map(visible, text.split("\n")))


def plain_json(text: str) -> str:
    """The same JSON with what a terminal may obey escaped: JSON itself does so below U+0020 only.

    Such characters can stand in strings alone, so the document says the same.
    """
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class PlainFormatter(logging.Formatter):
    """A record is one line, and a traceback lines of its own, whatever is in them."""

    def __init__(self, fmt: str = LOG_FORMAT) -> None:
        super().__init__(fmt)

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a record."""
        shown = logging.makeLogRecord(record.__dict__)
        shown.msg, shown.args = visible(record.getMessage()), None
        return super().format(shown)

    def formatException(self, ei: _Raised) -> str:
        """A traceback, whose last line may hold what somebody sent."""
        return visible_lines(super().formatException(ei))


def log_to_stderr(level: int) -> None:
    """Everything of this level, plainly."""
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter())
    logging.basicConfig(level=level, handlers=[handler])
