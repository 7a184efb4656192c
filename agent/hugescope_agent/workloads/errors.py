"""What can go wrong with a workload, each with one line that says what and why."""

from hugescope_agent.errors import AgentError


class WorkloadError(AgentError):
    """A workload cannot run, or did not end well; its text is one line for people."""


class PoolUnavailable(WorkloadError):
    """The host's pool cannot give the huge pages that were asked for.

    ``asked_pages`` and ``got_pages`` are None where it did not come to counting.
    Whatever had been added to the pool was given back before this was raised.
    """

    def __init__(
        self, reason: str, asked_pages: int | None = None, got_pages: int | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.asked_pages = asked_pages
        self.got_pages = got_pages


class PoolNotReturned(WorkloadError):
    """Pages that were added to the pool are still in it; the text says how many."""


class PostcopyFailed(WorkloadError):
    """A side of the post-copy ended before its time; the text is its last line on stderr."""


class GuestUnavailable(WorkloadError):
    """There is no QEMU here, or nothing to boot in it; the text says what to install."""


class GuestFailed(WorkloadError):
    """A QEMU of ours ended, or its guest did not do what it should; the text is its last word."""
