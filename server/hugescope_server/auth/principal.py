"""Who a request comes from, once that is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from starlette.requests import HTTPConnection


class Role(StrEnum):
    """What a token is for: an agent sends one host's frames, `metrics` reads `/metrics` and nothing
    else, all others look.
    """

    AGENT = "agent"
    METRICS = "metrics"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Among those who look: who may do more has the higher one; an agent has none, 0."""
        return list(Role).index(self)

    @property
    def logs_in(self) -> bool:
        """Whether a browser may have a session of this role."""
        return self.rank >= Role.VIEWER.rank


@dataclass(frozen=True, slots=True)
class Principal:
    """Who holds a valid token or session.

    Attributes:
        token_id: of the token, or of the session itself; what is revoked to end it.
        host_id: the one host that an agent may speak for; None for all others.
        expires_at: seconds since 1970; None: never.
        session: came by a browser's cookie.
    """

    token_id: str
    role: Role
    host_id: str | None = None
    expires_at: float | None = None
    session: bool = False

    def may(self, role: Role) -> bool:
        """Whether this one may do what `role` may."""
        return self.role is role or (self.role is not Role.AGENT and self.role.rank >= role.rank)


async def principal_of(connection: HTTPConnection) -> Principal:
    """Who this connection comes from; the door lets nobody else as far as a route that asks."""
    principal = connection.scope["state"]["principal"]
    assert isinstance(principal, Principal)
    return principal
