"""Recordings that are brought to this server, to be shown beside its own hosts."""

from __future__ import annotations

import logging
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from hugescope_server.auth.principal import Role
from hugescope_server.bodies import RECORDINGS_PATH
from hugescope_server.errors import ApiError, ErrorBody
from hugescope_server.routes.services import PrincipalDep, ServicesDep
from hugescope_server.timeline.brought import Incoming
from hugescope_wire.errors import WireError
from hugescope_wire.record import Record
from hugescope_wire.travel import LostTime, Moment

router: Final = APIRouter()
_log: Final = logging.getLogger(__name__)

_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": ErrorBody, "description": "`bad_recording`: it is none"},
    403: {"model": ErrorBody, "description": "`wrong_role`: this is for operators"},
    409: {"model": ErrorBody, "description": "`too_many_recordings`"},
    413: {"model": ErrorBody, "description": "`recording_too_big`"},
    422: {"model": ErrorBody, "description": "`bad_request`: a parameter is not what it should be"},
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class RecordingAdded(Record):
    """A recording that can be shown now, until the server ends.

    Attributes:
        host_id: under which it stands; seconds since 1970 as in `TimeState`.
        place: the fragment of the address that shows it, once the viewer travelled to `since_s`.
    """

    host_id: str
    since_s: Moment
    until_s: Moment
    lost: list[LostTime]
    place: str


@router.post(
    RECORDINGS_PATH,
    status_code=201,
    response_model=RecordingAdded,
    responses=_ERRORS,
    openapi_extra=_BODY,
)
async def add_recording(
    request: Request,
    services: ServicesDep,
    principal: PrincipalDep,
    name: Annotated[
        str, Query(min_length=1, max_length=200, description="of the file, for people")
    ] = "recording",
) -> Response:
    """Bring a recording, as `hugescope record` writes them: the body is the file."""
    if not principal.may(Role.OPERATOR):
        raise ApiError(403, "wrong_role", "only an operator may bring recordings here")
    past, limit = services.past, services.settings.max_recording_bytes
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > limit:
        raise _too_big(limit)
    incoming = past.brought.begin()
    if incoming is None:
        most = services.settings.max_recordings
        raise ApiError(
            409, "too_many_recordings", f"{most} recordings were brought here, as many as it takes"
        )
    with incoming:
        await _receive(request, incoming, limit)
        try:
            host_id = await past.brought.add(incoming, name, services.hub.host_ids())
        except WireError as error:
            raise ApiError(400, "bad_recording", error.message) from None
    past.changed()
    past.scan_soon()
    archive = past.shelf.archive(host_id)
    assert archive is not None, "it was added just now"
    _log.info("a recording was brought by %s: host %s", principal.token_id, host_id)
    added = RecordingAdded(
        host_id=host_id,
        since_s=max(0.0, archive.began_s),
        until_s=max(0.0, archive.ended_s),
        lost=past.lost_of(host_id, archive.ended_s),
        place=f"#/host/{host_id}",
    )
    return JSONResponse(added.model_dump(mode="json"), 201, {"Cache-Control": "no-store"})


async def _receive(request: Request, incoming: Incoming, limit: int) -> None:
    """The whole body into the file, as it comes."""
    try:
        async for piece in request.stream():
            if incoming.size_bytes + len(piece) > limit:
                raise _too_big(limit)
            await incoming.write(piece)
    except ClientDisconnect:
        raise ApiError(400, "bad_recording", "it did not come to its end") from None


def _too_big(limit: int) -> ApiError:
    return ApiError(413, "recording_too_big", f"this server takes {limit} bytes at most")
