"""Tokens over HTTP, for admins; the command line does the same on the server's own machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field, model_validator
from starlette.responses import JSONResponse, Response

from hugescope_server.auth.principal import Principal, Role
from hugescope_server.auth.records import Label, TokenRecord
from hugescope_server.auth.state_dir import StateError
from hugescope_server.errors import ApiError, ErrorBody
from hugescope_server.routes.services import PrincipalDep, ServicesDep
from hugescope_wire.messages import HostId
from hugescope_wire.record import Record

router: Final = APIRouter()
_log: Final = logging.getLogger(__name__)
T = TypeVar("T")

_NO_STORE: Final = {"Cache-Control": "no-store"}
_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    403: {"model": ErrorBody, "description": "`wrong_role`: only for admins; or as on any path"},
    404: {"model": ErrorBody, "description": "`no_such_token`"},
    413: {"model": ErrorBody, "description": "`body_too_big`"},
    422: {"model": ErrorBody, "description": "`bad_request`"},
}


class TokenAbout(Record):
    """A token or session, without anything secret; times are seconds since 1970."""

    id: str
    role: Role
    host_id: str | None
    label: str
    session: bool
    created_at: float
    expires_at: float | None
    revoked_at: float | None


class Tokens(Record):
    """All that are kept, oldest first."""

    tokens: list[TokenAbout]


_HOST_OF_AGENTS: Final[dict[str, Any]] = {
    "if": {"properties": {"role": {"const": Role.AGENT.value}}},
    "then": {"required": ["host_id"], "properties": {"host_id": {"type": "string"}}},
    "else": {"properties": {"host_id": {"type": "null"}}},
}
"""What `NewToken` checks of two fields together, for its description."""


class NewToken(Record):
    """A token that is wanted; `lasts_s` null: until it is revoked."""

    model_config = ConfigDict(json_schema_extra=_HOST_OF_AGENTS)

    role: Role
    host_id: HostId | None = None
    label: Label = ""
    lasts_s: float | None = Field(default=None, gt=0, le=10 * 366 * 86_400)

    @model_validator(mode="after")
    def _agree(self) -> NewToken:
        if (self.role is Role.AGENT) != (self.host_id is not None):
            raise ValueError("host_id is for role agent, and needed there")
        return self


class TokenMade(Record):
    """`token` is said once, here, and cannot be asked for again."""

    token: str
    about: TokenAbout


async def _admin(principal: PrincipalDep) -> Principal:
    if not principal.may(Role.ADMIN):
        raise ApiError(403, "wrong_role", "only an admin may see and change tokens")
    return principal


_AdminDep = Annotated[Principal, Depends(_admin)]


@router.get("/api/v1/tokens", response_model=Tokens, responses={403: _ERRORS[403]})
async def list_tokens(_: _AdminDep, services: ServicesDep) -> Response:
    """Tokens and sessions, ended ones for a while."""
    kept = await _in_store(services.access.store.tokens)
    tokens = Tokens(tokens=[_about(one) for one in kept])
    return JSONResponse(tokens.model_dump(mode="json"), headers=_NO_STORE)


@router.post(
    "/api/v1/tokens",
    status_code=201,
    response_model=TokenMade,
    responses={400: _ERRORS[422], **{status: _ERRORS[status] for status in (403, 413, 422)}},
)
async def create_token(wanted: NewToken, admin: _AdminDep, services: ServicesDep) -> Response:
    """A new token."""
    text, record = await _in_store(
        lambda: services.access.store.create(
            wanted.role, wanted.host_id, wanted.label, wanted.lasts_s
        )
    )
    _log.info("token %s (%s) was made by %s", record.id, record.role, admin.token_id)
    made = TokenMade(token=text, about=_about(record))
    return JSONResponse(made.model_dump(mode="json"), 201, headers=_NO_STORE)


@router.delete(
    "/api/v1/tokens/{token_id}",
    response_model=TokenAbout,
    responses=_ERRORS,
)
async def revoke_token(token_id: str, admin: _AdminDep, services: ServicesDep) -> Response:
    """End a token with the sessions that it opened, or one session."""
    record = await _in_store(lambda: services.access.store.revoke(token_id))
    if record is None:
        raise ApiError(404, "no_such_token", "no token or session has this id")
    _log.info("token %s was revoked by %s", record.id, admin.token_id)
    return JSONResponse(_about(record).model_dump(mode="json"), headers=_NO_STORE)


async def _in_store(act: Callable[[], T]) -> T:
    """In a thread: the store waits for the disk."""
    try:
        return await asyncio.to_thread(act)
    except StateError as error:
        _log.error("%s", error)
        raise ApiError(503, "no_token_store", "the server cannot use its tokens") from None


def _about(record: TokenRecord) -> TokenAbout:
    return TokenAbout(
        id=record.id,
        role=record.role,
        host_id=record.host_id,
        label=record.label,
        session=record.is_session,
        created_at=record.created_at,
        expires_at=record.expires_at,
        revoked_at=record.revoked_at,
    )
