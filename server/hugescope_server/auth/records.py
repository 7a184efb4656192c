"""What the token file holds, and how it changes: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from hugescope_server.auth import secret
from hugescope_server.auth.principal import Role
from hugescope_wire.messages import HostId
from hugescope_wire.record import Record

MAX_TOKENS: Final = 10_000
MAX_SESSIONS: Final = 1_000
MAX_CODES: Final = 100
"""Beyond these the oldest sessions and codes end; a token too many is refused."""

CODE_S: Final = 600.0
KEEP_ENDED_S: Final = 30 * 86_400.0
"""A token that ended is listed for so long."""

Id = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Label = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class TokenRecord(Record):
    """A token, or a browser's session; times are seconds since 1970.

    Attributes:
        hash: of the token's text; None for a session, which nobody can show as a token.
        parent: the token that a session was opened with, and ends with; None: by a one-time URL.
        revoked_at: a session that ended is not kept, a token is.
    """

    id: Id
    role: Role
    host_id: HostId | None = None
    label: Label = ""
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    hash: Hash | None = None
    parent: Id | None = None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.role is Role.AGENT) != (self.host_id is not None):
            raise ValueError("a token has a host_id when its role is agent, and only then")
        return self

    @property
    def is_session(self) -> bool:
        """Whether this is a browser's session."""
        return self.hash is None

    def holds(self, now: float) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class CodeRecord(Record):
    """A one-time code that nobody used yet."""

    id: Id
    role: Role
    hash: Hash
    expires_at: float


class Contents(Record):
    """The file."""

    format: Literal[1] = 1
    tokens: tuple[TokenRecord, ...] = ()
    codes: tuple[CodeRecord, ...] = ()


class TooManyTokens(Exception):
    """The file holds as many as it may."""


@dataclass(frozen=True, slots=True)
class Made:
    """Contents after a change, and the record that the change was about."""

    contents: Contents
    record: TokenRecord


def with_token(contents: Contents, record: TokenRecord) -> Made:
    """One token or session more.

    Raises:
        TooManyTokens: tokens have a bound; of sessions the oldest ends.
    """
    tokens = contents.tokens
    if record.is_session:
        sessions = [one.id for one in tokens if one.is_session]
        ended = set(sessions[: max(0, len(sessions) + 1 - MAX_SESSIONS)])
        tokens = tuple(one for one in tokens if one.id not in ended)
    elif sum(not one.is_session for one in tokens) >= MAX_TOKENS:
        raise TooManyTokens(f"there are {MAX_TOKENS} tokens already; revoke some")
    return Made(contents.model_copy(update={"tokens": (*tokens, record)}), record)


def session_of(
    role: Role, label: str, now: float, expires_at: float, parent: str | None
) -> TokenRecord:
    """A session that begins now."""
    return TokenRecord(
        id=secret.new_id(),
        role=role,
        label=label,
        created_at=now,
        expires_at=expires_at,
        parent=parent,
    )


def without(contents: Contents, token_id: str, now: float) -> Made | None:
    """This token revoked, or this session gone, with the sessions that it opened; None: no such."""
    record = next((one for one in contents.tokens if one.id == token_id), None)
    if record is None:
        return None
    if record.revoked_at is None:
        record = record.model_copy(update={"revoked_at": now})
    kept = tuple(
        record if one.id == token_id else one
        for one in contents.tokens
        if one.parent != token_id and not (one.id == token_id and one.is_session)
    )
    return Made(contents.model_copy(update={"tokens": kept}), record)


def with_code(contents: Contents, code: CodeRecord) -> Contents:
    """One code more."""
    kept = contents.codes[-(MAX_CODES - 1) :]
    return contents.model_copy(update={"codes": (*kept, code)})


def redeemed(contents: Contents, shown: secret.Secret, now: float, session_s: float) -> Made | None:
    """The session for a code, which is used up by it; None: no such code, any more."""
    code = next((one for one in contents.codes if one.id == shown.id), None)
    if code is None or not shown.matches(code.hash) or now >= code.expires_at:
        return None
    rest = tuple(one for one in contents.codes if one.id != code.id)
    session = session_of(code.role, "one-time URL", now, now + session_s, None)
    return with_token(contents.model_copy(update={"codes": rest}), session)


def tidied(contents: Contents, now: float) -> Contents:
    """Without what ended: codes and sessions at once, tokens after a while."""
    tokens = tuple(
        one
        for one in contents.tokens
        if one.holds(now) or not (one.is_session or _ended_at(one) + KEEP_ENDED_S <= now)
    )
    codes = tuple(one for one in contents.codes if now < one.expires_at)
    return contents.model_copy(update={"tokens": tokens, "codes": codes})


def _ended_at(record: TokenRecord) -> float:
    return min(at for at in (record.revoked_at, record.expires_at) if at is not None)
