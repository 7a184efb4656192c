"""What can go wrong on the host side, and what each means for a scan."""

from __future__ import annotations


class AgentError(Exception):
    """The agent cannot go on; the message is one line for people and names the file or flag."""


class BadRoot(AgentError):
    """The root to read from holds no readable proc."""


class BadCapture(AgentError):
    """A file of a captured tree is not what a kernel writes; names the file and the place."""


class NoSuchProcess(AgentError):
    """A process that was asked for by its pid is not there."""


class ProcessError(Exception):
    """One process could not be read; the scan goes on without it and counts it."""


class ProcessGone(ProcessError):
    """ENOENT or ESRCH: it left while it was looked at."""


class ProcessDenied(ProcessError):
    """EACCES or EPERM: these privileges do not reach it."""


class ProcessUnreadable(ProcessError):
    """Its files hold or are something else than expected; the message says which and where."""


class AskError(AgentError):
    """A question about one page has no answer: `code` is stable and travels to who asked.

    Codes: no_such_process, no_such_mapping, no_such_part, process_left, unreadable.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
