"""What was recorded, and what happened in it."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from hugescope_server.auth.principal import Role
from hugescope_server.errors import ApiError, ErrorBody
from hugescope_server.routes.services import PrincipalDep, ServicesDep
from hugescope_server.timeline.happenings import without_addresses
from hugescope_wire.record import Record
from hugescope_wire.travel import LostTime, Moment, TimeEvents

router: Final = APIRouter()
_log: Final = logging.getLogger(__name__)

MAX_LIMIT: Final = 1000
DEFAULT_LIMIT: Final = 200

_HEADERS: Final = {"Cache-Control": "no-store"}
_BAD_REQUEST: Final[dict[int | str, dict[str, Any]]] = {
    422: {"model": ErrorBody, "description": "`bad_request`: a parameter is not what it should be"}
}


class RecordedHost(Record):
    """What was recorded of one host; times are seconds since 1970."""

    host_id: str
    name: str
    since_s: Moment
    until_s: Moment
    lost: list[LostTime]


class History(Record):
    """All hosts of which anything was recorded."""

    hosts: list[RecordedHost]


@router.get("/api/v1/history", response_model=History)
async def history(services: ServicesDep) -> Response:
    """What can be shown of the past."""
    shelf = services.past.shelf
    hosts = [
        RecordedHost(
            host_id=host_id,
            name=archive.name,
            since_s=max(0.0, archive.began_s),
            until_s=max(0.0, archive.ended_s),
            lost=services.past.lost_of(host_id, archive.ended_s),
        )
        for host_id in shelf.hosts()
        if (archive := shelf.archive(host_id)) is not None
    ]
    body = History(hosts=hosts).model_dump_json()
    return Response(body, media_type="application/json", headers=_HEADERS)


@router.get("/api/v1/events", response_model=TimeEvents, responses=_BAD_REQUEST)
async def events(
    services: ServicesDep,
    principal: PrincipalDep,
    since_s: Annotated[float, Query(ge=0, lt=1e11, description="seconds since 1970")] = 0.0,
    until_s: Annotated[float, Query(ge=0, lt=1e11, description="seconds since 1970")] = 99e9,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> Response:
    """What happened in what was recorded, in order of time: the newest `limit` ones."""
    found, more = services.past.happened(since_s, until_s, limit)
    if not principal.may(Role.OPERATOR):
        found = [without_addresses(event) for event in found]
    body = TimeEvents(events=found, more=more).model_dump_json()
    return Response(body, media_type="application/json", headers=_HEADERS)


@router.delete(
    "/api/v1/history/{host_id}",
    status_code=204,
    response_class=Response,
    responses={
        403: {"model": ErrorBody, "description": "`wrong_role`: this is for admins"},
        404: {"model": ErrorBody, "description": "`no_such_history`"},
        **_BAD_REQUEST,
    },
)
async def delete_history(host_id: str, services: ServicesDep, principal: PrincipalDep) -> Response:
    """Delete all that was recorded of a host, for good. What comes from now on is kept again."""
    if not principal.may(Role.ADMIN):
        raise ApiError(403, "wrong_role", "only an admin may delete what was recorded")
    if not services.past.shelf.delete(host_id):
        raise ApiError(404, "no_such_history", f"nothing was recorded of a host {host_id!r}")
    services.past.forget(host_id)
    _log.info("the history of %s was deleted by %s", host_id, principal.token_id)
    return Response(status_code=204, headers=_HEADERS)
