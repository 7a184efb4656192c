"""What the server refuses, with stable codes."""

from __future__ import annotations

from typing import Any, Final

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


Responses = dict[int | str, dict[str, Any]]
"""Of a route, by status, for its description."""

FOREIGN: Final[Responses] = {
    403: {"model": ErrorBody, "description": "`host_not_allowed`, or `origin_not_allowed`"}
}
"""What the guard answers on any path."""

STRANGERS: Final[Responses] = {
    401: {"model": ErrorBody, "description": "`not_logged_in`: show a token or a session"},
    403: {
        "model": ErrorBody,
        "description": "`wrong_role`, `host_not_allowed`, or `origin_not_allowed`",
    },
    503: {"model": ErrorBody, "description": "`no_token_store`: the server cannot read its tokens"},
}
"""What the door and the guard answer on every path that is not open to all."""
