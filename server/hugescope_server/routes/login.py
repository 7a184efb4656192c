"""Logging in and out: the page, its two files, and what its script asks."""

from __future__ import annotations

import asyncio
import logging
import math
from importlib.resources import files
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import Field, ValidationError
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from hugescope_server.auth.access import Place
from hugescope_server.auth.door import HEALTH_PATH, LOGIN_PAGE, LOGIN_PATH, place_of
from hugescope_server.auth.principal import Role
from hugescope_server.auth.state_dir import StateError
from hugescope_server.errors import STRANGERS, ApiError, ErrorBody
from hugescope_server.routes.services import PrincipalDep, ServicesDep
from hugescope_wire.record import Record

router: Final = APIRouter()
_log: Final = logging.getLogger(__name__)

MAX_LOGIN_BYTES: Final = 1024
_BODY_S: Final = 5.0
_NO_STORE: Final = {"Cache-Control": "no-store"}
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": ErrorBody, "description": "`bad_secret`: used up, too old, revoked, or none"},
    422: {"model": ErrorBody, "description": "`bad_request`"},
    429: {"model": ErrorBody, "description": "`too_many_attempts`: see Retry-After"},
    503: STRANGERS[503],
}


class Health(Record):
    """The server answers."""

    status: str


class Login(Record):
    """What opens a session: a token of a person, or a one-time code."""

    secret: str = Field(min_length=1, max_length=200, repr=False)


class Session(Record):
    """Who is logged in; `expires_at` in seconds since 1970, null: never."""

    role: Role
    expires_at: float | None


@router.get(HEALTH_PATH, response_model=Health)
@router.head(HEALTH_PATH, include_in_schema=False)
async def health() -> Health:
    """Whether the server answers; says nothing of hosts, and needs no session."""
    return Health(status="ok")


@router.api_route(LOGIN_PAGE, methods=["GET", "HEAD"], include_in_schema=False)
async def page() -> Response:
    """The page."""
    return _file("login.html", "text/html")


@router.api_route("/login.css", methods=["GET", "HEAD"], include_in_schema=False)
async def style() -> Response:
    """Its style."""
    return _file("login.css", "text/css")


@router.api_route("/login.js", methods=["GET", "HEAD"], include_in_schema=False)
async def script() -> Response:
    """Its script."""
    return _file("login.js", "text/javascript")


@router.post(
    LOGIN_PATH,
    response_model=Session,
    responses=_REFUSED,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": Login.model_json_schema()}},
        }
    },
)
async def log_in(request: Request, services: ServicesDep) -> Response:
    """Open a session for who shows a token or a one-time code: a cookie."""
    peer = request.client.host if request.client is not None else ""
    wait_s = services.attempts.wait_s(peer)
    if wait_s > 0:
        raise ApiError(
            429, "too_many_attempts", "too many attempts", {"Retry-After": str(math.ceil(wait_s))}
        )
    login = await _body(request)
    try:
        opened = await asyncio.to_thread(services.access.enter, login.secret)
        value = None if opened is None else services.access.cookie_of(opened)
    except StateError as error:
        _log.error("%s", error)
        raise ApiError(503, "no_token_store", "the server cannot use its tokens") from None
    if opened is None or value is None:
        services.attempts.spend(peer)
        _log.warning("a login from %s was refused", peer)
        raise ApiError(
            401,
            "bad_secret",
            "This token or one-time code is not valid: it was used, is too old, or was revoked.",
        )
    _log.info("session %s opened for a %s", opened.id, opened.role)
    session = Session(role=opened.role, expires_at=opened.expires_at)
    response = JSONResponse(session.model_dump(), headers=_NO_STORE)
    assert opened.expires_at is not None
    lasts_s = max(0, int(opened.expires_at - services.access.store.clock()))
    _set_cookie(response, _place(request, services), value, lasts_s)
    return response


@router.get("/api/v1/session", response_model=Session, responses=STRANGERS)
async def session(principal: PrincipalDep) -> Response:
    """Who this is to the server."""
    about = Session(role=principal.role, expires_at=principal.expires_at)
    return JSONResponse(about.model_dump(), headers=_NO_STORE)


@router.post("/api/v1/logout", status_code=204, responses=STRANGERS)
async def log_out(request: Request, principal: PrincipalDep, services: ServicesDep) -> Response:
    """End the session whose cookie was sent, on every socket. A token itself goes on."""
    if principal.session:
        try:
            await asyncio.to_thread(services.access.store.revoke, principal.token_id)
        except StateError as error:
            _log.error("%s", error)
            raise ApiError(503, "no_token_store", "the server cannot end the session") from None
        _log.info("session %s was closed", principal.token_id)
    response = Response(status_code=204, headers=_NO_STORE)
    _set_cookie(response, _place(request, services), "", 0)
    return response


async def _body(request: Request) -> Login:
    """A small one, soon: whoever sends it is a stranger."""
    data = b""
    try:
        async with asyncio.timeout(_BODY_S):
            async for piece in request.stream():
                data += piece
                if len(data) > MAX_LOGIN_BYTES:
                    raise ApiError(422, "bad_request", f"at most {MAX_LOGIN_BYTES} bytes")
        return Login.model_validate_json(data)
    except (TimeoutError, ClientDisconnect):
        raise ApiError(422, "bad_request", f"no body came in {_BODY_S:g} s") from None
    except ValidationError:
        # What was sent is not repeated: it may be a secret in the wrong place.
        raise ApiError(422, "bad_request", 'expected {"secret": "..."}') from None


def _place(request: Request, services: ServicesDep) -> Place:
    return place_of(request.scope, services.settings.behind_proxy)


def _set_cookie(response: Response, place: Place, value: str, lasts_s: int) -> None:
    response.set_cookie(
        place.cookie,
        value,
        max_age=lasts_s,
        path="/",
        secure=place.secure,
        httponly=True,
        samesite="strict",
    )


def _file(name: str, media_type: str) -> Response:
    data = (files("hugescope_server.auth") / "page" / name).read_bytes()
    return Response(data, media_type=media_type, headers={"Cache-Control": "no-cache"})
