"""Migrations over HTTP: the list of them, the state of one, and its log of arrivals."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from hugescope_server.errors import ApiError, ErrorBody
from hugescope_server.migration.track import Migration
from hugescope_server.routes.services import Services, ServicesDep
from hugescope_wire.migration import Migrations, MigrationState

router: Final = APIRouter()

_HEADERS: Final = {"Cache-Control": "no-store"}
_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": ErrorBody, "description": "`no_such_migration`"},
    422: {"model": ErrorBody, "description": "`bad_request`: a parameter is not what it should be"},
}
_ARRIVALS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "description": "32 bytes of header, then at most 262144 records of 16 bytes: "
        "hugescope_server/migration/arrivals.py has the layout",
    },
}


@router.get("/api/v1/migrations", response_model=Migrations)
async def list_migrations(services: ServicesDep) -> Response:
    """All migrations that the server knows, as viewers get them on their socket."""
    text = services.desk.list_json()
    return Response(text, media_type="application/json", headers=_HEADERS)


@router.get("/api/v1/migrations/{migration_id}", response_model=MigrationState, responses=_ERRORS)
async def migration_state(migration_id: str, services: ServicesDep) -> Response:
    """One migration with all its points, as viewers get it on their socket."""
    migration = _found(services, migration_id)
    body = services.desk.state_json(migration)
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
    since: Annotated[int, Query(ge=0, lt=1 << 63, description="the first record wanted")] = 0,
) -> Response:
    """Every page that came to the destination, or left it, in the order in which that was seen."""
    data = services.desk.arrivals(_found(services, migration_id), since)
    return Response(data, media_type="application/octet-stream", headers=_HEADERS)


def _found(services: Services, migration_id: str) -> Migration:
    migration = services.desk.migration(migration_id)
    if migration is None:
        raise ApiError(404, "no_such_migration", f"this server knows no migration {migration_id!r}")
    return migration
