"""Two looks at hosts compared over HTTP: two moments, two mappings, two recordings."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from hugescope_server.auth.principal import Principal
from hugescope_server.comparing import (
    CSV_HEADER,
    MAX_CELLS,
    MAX_MAPPINGS,
    Looked,
    comparison,
    csv_of,
)
from hugescope_server.errors import ApiError, ErrorBody
from hugescope_server.routes.moment import shown
from hugescope_server.routes.services import PrincipalDep, Services, ServicesDep
from hugescope_wire.archive import last_known_s
from hugescope_wire.comparison import Comparison
from hugescope_wire.pairing import Selection
from hugescope_wire.travel import LostTime

router: Final = APIRouter()

MAX_RUNS: Final = 5000
DEFAULT_RUNS: Final = 1000

_HOST: Final = r"[A-Za-z0-9._:-]{1,128}"
_MAPPING: Final = r"/[1-9][0-9]{0,9}/0x[0-9a-fA-F]{1,16}"
_MOMENT: Final = r"(@[0-9]{1,10}(\.[0-9]{1,9})?)?$"
_SIDE_PATTERN: Final = rf"^{_HOST}(/[1-9][0-9]{{0,9}}(/0x[0-9a-fA-F]{{1,16}})?)?{_MOMENT}"
_SIDE: Final = re.compile(
    r"(?P<host>[^/@]+)(?:/(?P<pid>[0-9]+))?(?:/0x(?P<start>[0-9a-fA-F]+))?(?:@(?P<at>[0-9.]+))?"
)

_WHICH: Final = (
    "HOST, HOST/PID or HOST/PID/0xSTART, as it is; with @SECONDS behind it, as it was so many "
    "seconds after 1970. Of a recording without a moment: at the last of which something is known"
)
A = Annotated[str, Query(pattern=_SIDE_PATTERN, description=_WHICH)]
B = Annotated[
    str,
    Query(
        pattern=_SIDE_PATTERN,
        description=f"{_WHICH}. What only one of the two names, process or mapping, is meant on "
        "both",
    ),
]
NamedA = Annotated[
    str, Query(pattern=f"^{_HOST}{_MAPPING}{_MOMENT}", description="HOST/PID/0xSTART[@SECONDS]")
]
NamedB = Annotated[
    str,
    Query(
        pattern=f"^{_HOST}({_MAPPING})?{_MOMENT}",
        description="the same; without a mapping the one of `a` is meant",
    ),
]

_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    403: {"model": ErrorBody, "description": "`address_hidden`: a viewer was never shown this one"},
    404: {
        "model": ErrorBody,
        "description": "`no_such_host`, `no_such_process`, `no_such_mapping`, or `not_recorded`; "
        "the message begins with `a:` or `b:`",
    },
    413: {
        "model": ErrorBody,
        "description": f"`too_many_cells`, above {MAX_CELLS} on both sides together: choose "
        f"mappings; or `too_many_mappings`, above {MAX_MAPPINGS}: choose a process or a mapping",
    },
    422: {
        "model": ErrorBody,
        "description": "`bad_request`, `unknown_parameter`, or `page_sizes_differ`",
    },
}
_HEADERS: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class _Side:
    """One side as it is asked for; `start` as it was shown to who asks."""

    name: str
    host_id: str
    at_s: float | None
    pid: int | None
    start: int | None


@router.get("/api/v1/compare", response_model=Comparison, responses=_ERRORS)
async def compare(
    services: ServicesDep,
    principal: PrincipalDep,
    a: A,
    b: B,
    runs: Annotated[
        int, Query(ge=0, le=MAX_RUNS, description="of two mappings, list so many at most")
    ] = DEFAULT_RUNS,
) -> Response:
    """What is different: as `hugescope diff` has it, and every cell of two mappings."""
    one, other = await _both(services, principal, a, b)
    lost = _lost_between(services, one, other)

    def body() -> bytes:
        return comparison(one, other, runs, lost).model_dump_json(by_alias=True).encode()

    async with services.snapshot_slots:
        text = await asyncio.to_thread(body)
    return Response(text, media_type="application/json", headers=_HEADERS)


@router.get(
    "/api/v1/compare.csv",
    response_class=Response,
    responses=_ERRORS | {200: {"content": {"text/csv": {}}, "description": CSV_HEADER}},
)
async def compare_csv(
    services: ServicesDep, principal: PrincipalDep, a: NamedA, b: NamedB
) -> Response:
    """All runs of two mappings that changed alike, as a file: a header row, then one row each."""
    one, other = await _both(services, principal, a, b)
    async with services.snapshot_slots:
        rows = await asyncio.to_thread(csv_of, one, other)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{one.host_id}-{other.host_id}")
    # The pieces are made in threads, each when the one before was taken.
    return StreamingResponse(
        rows,
        media_type="text/csv; charset=utf-8; header=present",
        headers=_HEADERS
        | {"Content-Disposition": f'attachment; filename="hugescope-compare-{name}.csv"'},
    )


async def _both(services: Services, principal: Principal, a: str, b: str) -> tuple[Looked, Looked]:
    """What is asked for, as it was looked at."""
    one, other = _side_of("a", a), _side_of("b", b)
    if other.pid is None:
        other = replace(other, pid=one.pid, start=one.start)
    elif one.pid is None:
        one = replace(one, pid=other.pid, start=other.start)
    return await _looked(services, principal, one), await _looked(services, principal, other)


def _side_of(name: str, text: str) -> _Side:
    found = _SIDE.fullmatch(text)
    assert found is not None, "the pattern of the parameter holds it"
    host_id, pid, start, at = found.group("host", "pid", "start", "at")
    return _Side(
        name,
        host_id,
        None if at is None else float(at),
        None if pid is None else int(pid),
        None if start is None else int(start, 16),
    )


async def _looked(services: Services, principal: Principal, side: _Side) -> Looked:
    at_s = side.at_s
    if at_s is None and services.hub.host(side.host_id) is None:
        # A recording has no present: its last known moment, as for `hugescope diff`.
        archive = services.past.shelf.archive(side.host_id)
        at_s = None if archive is None else last_known_s(archive)
    try:
        seen = await shown(services, principal, at_s, side.host_id)
    except ApiError as error:
        raise ApiError(error.status, error.body.code, f"{side.name}: {error}") from None
    host = seen.hub.host(side.host_id)
    if host is None:
        raise ApiError(404, "no_such_host", f"{side.name}: no host {side.host_id!r} is known here")
    selection = None
    if side.pid is not None:
        start = None if side.start is None else host.sight.true(side.pid, side.start)
        selection = Selection(side.pid, start)
    present = services.hub.host(side.host_id) if at_s is None else None
    return Looked(
        name=side.name,
        host_id=side.host_id,
        at_s=at_s,
        picture=host.frozen_picture(),
        selection=selection,
        sight=host.sight,
        link=None if present is None else services.hub.link(present, services.clock()),
    )


def _lost_between(services: Services, a: Looked, b: Looked) -> list[LostTime]:
    """Of one host, between its two moments."""
    if a.host_id != b.host_id:
        return []
    now_s = services.past.wall_clock()
    since_s, until_s = sorted(now_s if one.at_s is None else one.at_s for one in (a, b))
    return services.past.lost_between(a.host_id, since_s, until_s)
