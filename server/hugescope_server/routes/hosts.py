"""Hosts over HTTP: the list of them, and a snapshot of one as the contract has it."""

from __future__ import annotations

import asyncio
import gzip
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from hugescope_server.errors import ApiError, ErrorBody
from hugescope_server.routes.moment import NOT_RECORDED, MomentQuery, shown
from hugescope_server.routes.services import HubDep, PrincipalDep, ServicesDep
from hugescope_server.veil.sight import Sight
from hugescope_wire.errors import WireError
from hugescope_wire.messages import Overview
from hugescope_wire.page import PageDetail
from hugescope_wire.picture import HostPicture
from hugescope_wire.snapshot import Snapshot

router: Final = APIRouter()

GZIP_LEVEL: Final = 5
"""Runs of cells repeat themselves: higher levels take longer and save little."""

_BAD_REQUEST: Final[dict[int | str, dict[str, Any]]] = {
    422: {"model": ErrorBody, "description": "`bad_request`, or `unknown_parameter`"}
}
_NOT_FOUND: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": ErrorBody, "description": "`no_such_host`, `no_such_pid`, or `not_recorded`"}
}
_PAST: Final[dict[int | str, dict[str, Any]]] = {
    409: {"model": ErrorBody, "description": "`past_cannot_be_asked`: agents answer for now only"}
}
_HIDDEN: Final[dict[int | str, dict[str, Any]]] = {
    403: {"model": ErrorBody, "description": "`address_hidden`: a viewer was never shown this one"}
}
_NO_AGENT: Final[dict[int | str, dict[str, Any]]] = {
    503: {
        "model": ErrorBody,
        "description": "`no_agent`, `agent_left`, `no_answer`, or `too_many_questions`",
    }
}


@router.get("/api/v1/hosts", response_model=Overview, responses=NOT_RECORDED | _BAD_REQUEST)
async def list_hosts(
    services: ServicesDep, principal: PrincipalDep, at_s: MomentQuery = None
) -> Response:
    """All hosts that the server knows, gone ones included, as viewers get them on their socket."""
    seen = await shown(services, principal, at_s, with_past=True)
    text = seen.hub.overview_json(seen.now)
    return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get(
    "/api/v1/hosts/{host_id}/snapshot",
    response_model=Snapshot,
    responses=_NOT_FOUND | _BAD_REQUEST,
)
async def host_snapshot(
    host_id: str,
    request: Request,
    services: ServicesDep,
    principal: PrincipalDep,
    pid: Annotated[
        list[int] | None, Query(description="only this process; may be given several times")
    ] = None,
    at_s: MomentQuery = None,
) -> Response:
    """The host's state: what `hugescope snapshot --json` prints on that host, or did then."""
    host = (await shown(services, principal, at_s, host_id)).hub.host(host_id)
    if host is None:
        raise ApiError(404, "no_such_host", f"no host {host_id!r} is known here")
    pids = None if pid is None else frozenset(pid)
    missing = sorted((pids or frozenset()) - host.pids)
    if missing:
        named = ", ".join(str(number) for number in missing)
        raise ApiError(404, "no_such_pid", f"host {host_id} has no process {named} here")
    compress = _accepts_gzip(request.headers.get("accept-encoding", ""))
    picture, sight = host.frozen_picture(), host.sight
    async with services.snapshot_slots:
        body = await asyncio.to_thread(_snapshot_body, picture, sight, pids, compress)
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if compress:
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/json", headers=headers)


@router.get(
    "/api/v1/hosts/{host_id}/page",
    response_model=PageDetail,
    responses=_HIDDEN | _NOT_FOUND | _PAST | _BAD_REQUEST | _NO_AGENT,
)
async def host_page(
    host_id: str,
    services: ServicesDep,
    hub: HubDep,
    pid: Annotated[int, Query(ge=1, description="the process whose page it is")],
    address: Annotated[
        str, Query(pattern=r"^0x[0-9a-fA-F]{1,16}$", description="hexadecimal, such as 0x7f0000")
    ],
    part: Annotated[
        int | None, Query(ge=0, lt=1 << 18, description="list this 2 MiB chunk of a 1 GiB page")
    ] = None,
    at_s: MomentQuery = None,
) -> Response:
    """Who maps the page at an address, and how, part by part: asked of the host's agent now."""
    if at_s is not None:
        raise ApiError(
            409, "past_cannot_be_asked", "who maps a page is asked of the host, and only as it is"
        )
    host = hub.host(host_id)
    if host is None:
        raise ApiError(404, "no_such_host", f"no host {host_id!r} is known here")
    true = host.sight.true(pid, int(address, 16))
    questions = services.ingest.questions(host_id)
    if questions is None:
        raise ApiError(503, "no_agent", f"no agent of host {host_id} that answers is connected")
    try:
        answer = await questions.page(pid, true, part)
    except WireError as error:
        raise ApiError(503, error.code, error.message) from None
    if answer.page is None:
        code = answer.code or "no_such_page"
        raise ApiError(404, code, host.sight.words(answer.message or "the agent gave no page"))
    body = host.sight.shown(answer.page).model_dump_json()
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


def _snapshot_body(
    picture: HostPicture, sight: Sight, pids: frozenset[int] | None, compress: bool
) -> bytes:
    body = sight.shown(picture.snapshot(pids)).model_dump_json().encode()
    return gzip.compress(body, GZIP_LEVEL) if compress else body


def _accepts_gzip(accept_encoding: str) -> bool:
    """Whether gzip is named and not weighted to nothing."""
    for part in accept_encoding.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "x-gzip"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
