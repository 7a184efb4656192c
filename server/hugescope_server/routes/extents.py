"""The extents of one mapping over HTTP: in pages as JSON, and all of them as CSV."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response, StreamingResponse

from hugescope_server.auth.principal import Principal
from hugescope_server.errors import ApiError, ErrorBody
from hugescope_server.extents import STATE_LABELS, Extents, Wish, find
from hugescope_server.mappingtrack import MappingTrack
from hugescope_server.routes.moment import MomentQuery, shown
from hugescope_server.routes.services import PrincipalDep, Services, ServicesDep
from hugescope_server.veil.hub import AnyHost
from hugescope_wire.cells import FLAG_LABELS
from hugescope_wire.extents import Extent, ExtentPage
from hugescope_wire.host import MAX_CELLS

router: Final = APIRouter()

MAX_LIMIT: Final = 1000
DEFAULT_LIMIT: Final = 40

_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    403: {"model": ErrorBody, "description": "`address_hidden`: a viewer was never shown this one"},
    404: {
        "model": ErrorBody,
        "description": "`no_such_host`, `no_such_mapping`, or `not_recorded`",
    },
    422: {"model": ErrorBody, "description": "`bad_request`, or `unknown_parameter`"},
}


def _list_of(words: Iterable[str]) -> str:
    """A pattern of these words with commas between, or of nothing."""
    word = "|".join(words)
    return rf"^(({word})(,({word}))*)?$"


@dataclass(frozen=True, slots=True)
class _Mapping:
    """Which mapping, and what of it, as both routes are asked."""

    host_id: str
    pid: int
    start: int
    wish: Wish
    at_s: float | None


async def _asked(
    host_id: str,
    pid: Annotated[int, Query(ge=1, description="the process whose mapping it is")],
    start: Annotated[
        str,
        Query(pattern=r"^0x[0-9a-fA-F]{1,16}$", description="of the mapping, such as 0x7f0000"),
    ],
    state: Annotated[
        str,
        Query(
            pattern=_list_of(STATE_LABELS),
            description="in any of these states, with commas between; empty: in any at all",
        ),
    ] = "",
    flag: Annotated[
        str,
        Query(
            pattern=_list_of(FLAG_LABELS.values()),
            description="with any of these flags, with commas between; empty: whatever its flags",
        ),
    ] = "",
    first: Annotated[int, Query(ge=0, le=MAX_CELLS, description="from this cell on")] = 0,
    count: Annotated[
        int | None, Query(ge=1, le=MAX_CELLS, description="so many cells; absent: to the end")
    ] = None,
    at_s: MomentQuery = None,
) -> _Mapping:
    states, flags = (frozenset(filter(None, words.split(","))) for words in (state, flag))
    return _Mapping(host_id, pid, int(start, 16), Wish(states, flags, first, count), at_s)


_Asked = Annotated[_Mapping, Depends(_asked)]


@router.get(
    "/api/v1/hosts/{host_id}/extents",
    response_model=ExtentPage,
    responses=_ERRORS,
)
async def host_extents(
    asked: _Asked,
    services: ServicesDep,
    principal: PrincipalDep,
    offset: Annotated[int, Query(ge=0, le=MAX_CELLS, description="extents passed over")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> Response:
    """Runs of equal cells of one mapping as it is, or was, in address order, a page at a time."""
    extents = await _extents(asked, services, principal)

    def body() -> bytes:
        page = ExtentPage.model_construct(
            host_id=asked.host_id,
            pid=asked.pid,
            start=asked.start,
            total=len(extents),
            cells=extents.cells,
            offset=offset,
            extents=extents.records(offset, limit),
        )
        return page.model_dump_json().encode()

    headers = {"Cache-Control": "no-store"}
    return Response(await asyncio.to_thread(body), media_type="application/json", headers=headers)


@router.get(
    "/api/v1/hosts/{host_id}/extents.csv",
    response_class=Response,
    responses=_ERRORS
    | {200: {"content": {"text/csv": {}}, "description": ",".join(Extent.model_fields)}},
)
async def host_extents_csv(
    asked: _Asked, services: ServicesDep, principal: PrincipalDep
) -> Response:
    """All of these extents, of one moment, as a file: a header row, then one row each."""
    extents = await _extents(asked, services, principal)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{asked.host_id}-{asked.pid}-{asked.start:x}")
    # The pieces are made in threads, each when the one before was taken.
    return StreamingResponse(
        extents.csv(),
        media_type="text/csv; charset=utf-8; header=present",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="hugescope-{name}.csv"',
        },
    )


async def _extents(asked: _Mapping, services: Services, principal: Principal) -> Extents:
    """Found in a thread, in cells that stay as they are."""
    seen = await shown(services, principal, asked.at_s, asked.host_id, with_past=True)
    host = seen.hub.host(asked.host_id)
    if host is None:
        raise ApiError(404, "no_such_host", f"no host {asked.host_id!r} is known here")
    track = _track(host, asked)
    cells, wish = track.cells, asked.wish
    changed_ago = track.changed_ago(seen.now, wish.range_of(len(cells)))
    info = host.sight.shown_of(asked.pid, track.info)
    return await asyncio.to_thread(find, info, cells, changed_ago, wish)


def _track(host: AnyHost, asked: _Mapping) -> MappingTrack:
    track = host.track_at(asked.pid, host.sight.true(asked.pid, asked.start))
    if track is None:
        raise ApiError(
            404,
            "no_such_mapping",
            f"host {asked.host_id} has no mapping of process {asked.pid} at {asked.start:#x} here",
        )
    return track
