"""Migrations over HTTP: the list of them, the state of one, and its log of arrivals."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from hugescope_server.auth.principal import Principal
from hugescope_server.errors import ApiError, ErrorBody
from hugescope_server.migration.track import Migration
from hugescope_server.routes.moment import NOT_RECORDED, MomentQuery, shown
from hugescope_server.routes.services import PrincipalDep, Services, ServicesDep
from hugescope_server.veil.desk import AnyDesk, desk_seen_by
from hugescope_wire.migration import Migrations, MigrationState

router: Final = APIRouter()

_HEADERS: Final = {"Cache-Control": "no-store"}
_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": ErrorBody, "description": "`no_such_migration`, or `not_recorded`"},
    422: {"model": ErrorBody, "description": "`bad_request`, or `unknown_parameter`"},
}
_ARRIVALS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "description": "32 bytes of header, then at most 262144 records of 16 bytes: "
        "hugescope_server/migration/arrivals.py has the layout",
    },
}


@router.get(
    "/api/v1/migrations", response_model=Migrations, responses=NOT_RECORDED | {422: _ERRORS[422]}
)
async def list_migrations(
    services: ServicesDep, principal: PrincipalDep, at_s: MomentQuery = None
) -> Response:
    """All migrations that the server knows, as viewers get them on their socket."""
    text = (await shown(services, principal, at_s, with_past=True)).desk.list_json()
    return Response(text, media_type="application/json", headers=_HEADERS)


@router.get("/api/v1/migrations/{migration_id}", response_model=MigrationState, responses=_ERRORS)
async def migration_state(
    migration_id: str, services: ServicesDep, principal: PrincipalDep, at_s: MomentQuery = None
) -> Response:
    """One migration with all its points, as viewers get it on their socket."""
    desk, migration = await _found(services, principal, migration_id, at_s)
    body = desk.state_json(migration)
    points = migration.points
    text = migration.message(body, True, points.since(points.begin))
    return Response(text, media_type="application/json", headers=_HEADERS)


@router.get(
    "/api/v1/migrations/{migration_id}/arrivals",
    response_class=Response,
    responses=_ERRORS | _ARRIVALS,
)
async def migration_arrivals(
    migration_id: str,
    services: ServicesDep,
    principal: PrincipalDep,
    since: Annotated[int, Query(ge=0, lt=1 << 63, description="the first record wanted")] = 0,
    at_s: MomentQuery = None,
) -> Response:
    """Every page that came to the destination, or left it, in the order in which that was seen."""
    desk, migration = await _found(services, principal, migration_id, at_s)
    data = desk.arrivals(migration, since)
    return Response(data, media_type="application/octet-stream", headers=_HEADERS)


async def _found(
    services: Services, principal: Principal, migration_id: str, at_s: float | None
) -> tuple[AnyDesk, Migration]:
    """With the desk that follows it; one that a travelling viewer sees has a name of its own."""
    desks = [(await shown(services, principal, at_s, with_past=True)).desk]
    if at_s is None:
        desks += [
            desk_seen_by(scene.desk, scene.hub, principal) for scene in services.past.scenes()
        ]
    for desk in desks:
        migration = desk.migration(migration_id)
        if migration is not None:
            return desk, migration
    raise ApiError(404, "no_such_migration", f"this server knows no migration {migration_id!r}")
