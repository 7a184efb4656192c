"""The application: its parts, its routes, and the layer around them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from hugescope_server import SERVER_VERSION, openapi_page, tasks
from hugescope_server.auth.access import Access
from hugescope_server.auth.door import Door, end_sockets
from hugescope_server.auth.limits import Allowance
from hugescope_server.auth.store import TokenStore
from hugescope_server.bus import Bus, LocalBus
from hugescope_server.errors import ApiError, ErrorBody
from hugescope_server.guard import Guard
from hugescope_server.hub import Clock, Hub
from hugescope_server.ingest import Ingest
from hugescope_server.migration.desk import MigrationDesk
from hugescope_server.routes import agent, extents, hosts, login, migrations, tokens, viewer
from hugescope_server.routes.services import Services
from hugescope_server.settings import ServerSettings
from hugescope_server.static import front_end_router

FORGET_EVERY_S: Final = 1.0

ATTEMPTS: Final = 10
ATTEMPT_PERIOD_S: Final = 2.0
"""Failed logins of one address: so many at once, and one more each period."""

DESCRIPTION: Final = """How Linux hosts' huge pages are mapped, live.

Agents send frames to the websocket `/api/v1/agent`; viewers get the overview and the cells of one
mapping from the websocket `/api/v1/viewer`. Programs send `Authorization: Bearer TOKEN`, browsers
the cookie that `/api/v1/login` sets. OpenAPI has no words for websockets:
`python -m hugescope_server.schema` prints this document with their messages added."""

_CODES: Final = {404: "not_found", 405: "method_not_allowed"}


def create_app(
    settings: ServerSettings,
    clock: Clock = time.monotonic,
    bus: Bus | None = None,
    wall_clock: Clock = time.time,
) -> FastAPI:
    """The application; everything that it keeps lives as long as it does.

    Args:
        settings: checked settings.
        clock: seconds, monotonic.
        bus: None for the one within this process.
        wall_clock: seconds since 1970, which all times of migrations are brought to.
    """
    bus = bus or LocalBus()
    hub = Hub(bus, settings, clock, wall_clock)
    desk = MigrationDesk(bus, settings.forget_after_s, wall_clock)
    ingest = Ingest(
        bus, settings.max_hosts, settings.max_cells_per_host, settings.late_after_s, clock
    )
    app = FastAPI(
        title="HugeScope",
        version=SERVER_VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=openapi_page.OPENAPI_PATH,
        lifespan=_lifespan,
    )
    access = Access(TokenStore(settings.state_dir, wall_clock), settings.session_s)
    attempts = Allowance(ATTEMPTS, ATTEMPT_PERIOD_S, clock)
    app.state.services = Services(settings, clock, ingest, hub, desk, access, attempts)
    for part in (agent, viewer, hosts, extents, migrations, login, tokens, openapi_page):
        app.include_router(part.router)
    app.include_router(front_end_router(settings.static_dir))
    app.add_exception_handler(ApiError, _answer_api_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(RequestValidationError, _answer_bad_request)
    # The last one is outermost.
    app.add_middleware(Door, settings=settings, access=access)
    app.add_middleware(Guard, settings=settings)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services = app.state.services
    forgetting = tasks.start("forget gone hosts", _forget_gone_hosts(services))
    ending = tasks.start("end sockets of ended sessions", end_sockets(services.access))
    try:
        yield
    finally:
        ending.cancel()
        forgetting.cancel()


async def _forget_gone_hosts(services: Services) -> None:
    while True:
        await asyncio.sleep(FORGET_EVERY_S)
        services.hub.forget_gone()
        services.desk.tick()
        services.ingest.forget_left(services.clock() - services.settings.forget_after_s)


async def _answer_api_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return JSONResponse(error.body.model_dump(), error.status, error.headers)


async def _answer_http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    body = ErrorBody(code=_CODES.get(error.status_code, "http_error"), message=str(error.detail))
    return JSONResponse(body.model_dump(), error.status_code, headers=error.headers)


async def _answer_bad_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return JSONResponse(
        ErrorBody(code="bad_request", message=f"{where}: {first['msg']}").model_dump(), 422
    )
