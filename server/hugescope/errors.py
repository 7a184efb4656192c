"""What a command cannot do, in one line for the person who typed it."""

from __future__ import annotations


class CommandError(Exception):
    """The message names the flag, file or process, and what to do where that is known."""
