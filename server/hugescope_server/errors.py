"""What the server refuses, with stable codes."""

from __future__ import annotations

from hugescope_wire.record import Record


class ServerError(Exception):
    """Root of the server's own errors."""


class CannotListen(ServerError):
    """The address or port cannot be used; the message says which and why."""


class PortInUse(CannotListen):
    """Another process listens where this server should."""


class ApiError(ServerError):
    """A request that is answered by an error body.

    Args:
        status: of HTTP.
        code: stable, machine-readable.
        message: one sentence for people.
        headers: beside the usual ones.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.body = ErrorBody(code=code, message=message)


class ErrorBody(Record):
    """The body of every HTTP error: `code` is stable, `message` is for people."""

    code: str
    message: str
