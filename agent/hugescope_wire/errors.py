"""The root exception of everything that travels."""

from __future__ import annotations


class WireError(Exception):
    """What arrived breaks the protocol.

    Args:
        code: stable, machine-readable; travels to the peer unchanged.
        message: one sentence that names the field or the byte offset.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
