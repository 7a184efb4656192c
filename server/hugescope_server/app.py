"""The application: its parts, its routes, and the layer around them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Final

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from hugescope_server import SERVER_VERSION, methods, openapi_page, tasks
from hugescope_server.auth.access import Access
from hugescope_server.auth.door import Door, end_sockets
from hugescope_server.auth.limits import Allowance
from hugescope_server.auth.store import TokenStore
from hugescope_server.bodies import BODY_TOO_BIG, Bodies
from hugescope_server.bus import Bus, LocalBus
from hugescope_server.errors import FOREIGN, STRANGERS, ApiError, ErrorBody
from hugescope_server.guard import Guard
from hugescope_server.history.history import History
from hugescope_server.hub import Clock, Hub
from hugescope_server.ingest import Ingest
from hugescope_server.metrics.exposition import Metrics
from hugescope_server.migration.desk import MigrationDesk
from hugescope_server.refusal import Denial, RefusalLog
from hugescope_server.routes import (
    agent,
    compare,
    extents,
    hosts,
    login,
    metrics,
    migrations,
    recordings,
    tokens,
    viewer,
)
from hugescope_server.routes import history as history_routes
from hugescope_server.routes.parameters import UNKNOWN_PARAMETER, only_known_parameters
from hugescope_server.routes.services import Services
from hugescope_server.settings import ServerSettings
from hugescope_server.static import front_end_router
from hugescope_server.timeline.diary import Diary
from hugescope_server.timeline.past import Past
from hugescope_server.timeline.shelf import FileShelf

FORGET_EVERY_S: Final = 1.0

ATTEMPTS: Final = 10
ATTEMPT_PERIOD_S: Final = 2.0
"""Failed logins of one address: so many at once, and one more each period."""

EVENTS: Final = ".events"
"""Where history is kept; no host's directory begins with a dot."""

DESCRIPTION: Final = """How Linux hosts' huge pages are mapped, live.

Agents send frames to the websocket `/api/v1/agent`; viewers get the overview and the cells of one
mapping from the websocket `/api/v1/viewer`. Programs send `Authorization: Bearer TOKEN`, browsers
the cookie that `/api/v1/login` sets. OpenAPI has no words for websockets:
`python -m hugescope_server.schema` prints this document with their messages added."""

_CODES: Final = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: BODY_TOO_BIG,
}


def create_app(
    settings: ServerSettings,
    clock: Clock = time.monotonic,
    bus: Bus | None = None,
    wall_clock: Clock = time.time,
    recorded: FileShelf | None = None,
) -> FastAPI:
    """The application; everything that it keeps lives as long as it does.

    Args:
        settings: checked settings.
        clock: seconds, monotonic.
        bus: None for the one within this process.
        wall_clock: seconds since 1970, which all times of migrations are brought to.
        recorded: recordings to show, where there is no present; None: there is one.
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
    keeps = settings.history and recorded is None
    history = History(settings, bus, clock, wall_clock) if keeps else None
    if history is not None:
        history.on_limit = hub.tell
    app.state.history = history
    diary = Diary(bus, wall_clock, settings.history_root / EVENTS if keeps else None)
    files = FileShelf() if recorded is None else recorded
    past = Past(
        files, diary, settings, wall_clock, history, hub.atlas, can_be_live=recorded is None
    )
    measured = Metrics(bus, hub, desk, access, clock, wall_clock)
    app.state.services = Services(
        settings, clock, ingest, hub, desk, access, attempts, past, measured
    )
    app.state.refusals = RefusalLog()
    _add_routes(app, settings)
    app.add_exception_handler(ApiError, _answer_api_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(RequestValidationError, _answer_bad_request)
    # The last one is outermost.
    app.add_middleware(Bodies)
    app.add_middleware(Door, settings=settings, access=access)
    app.add_middleware(Guard, settings=settings)
    return app


def _add_routes(app: FastAPI, settings: ServerSettings) -> None:
    for part in (agent, viewer, recordings, metrics, tokens, openapi_page):
        app.include_router(part.router, responses=STRANGERS)
    known_only = [Depends(only_known_parameters)]
    for part in (hosts, extents, compare, migrations, history_routes):
        app.include_router(part.router, dependencies=known_only, responses=STRANGERS)
    app.include_router(login.router, responses=FOREIGN)
    app.state.api_routes = list(app.router.routes)
    app.include_router(front_end_router(settings.static_dir))


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services = app.state.services
    past = services.past
    for events in (await asyncio.to_thread(past.diary.load)).values():
        past.diary.take(events, keep=False)
    past.scan_soon()
    forgetting = tasks.start("forget gone hosts", _forget_gone_hosts(services))
    ending = tasks.start("end sockets of ended sessions", end_sockets(services.access))
    history = app.state.history
    if history is not None:
        await history.start()
    try:
        yield
    finally:
        if history is not None:
            await history.stop()
        ending.cancel()
        forgetting.cancel()
        past.diary.write(past.diary.unwritten())
        past.close()


async def _forget_gone_hosts(services: Services) -> None:
    while True:
        await asyncio.sleep(FORGET_EVERY_S)
        services.hub.forget_gone()
        services.desk.tick()
        diary = services.past.diary
        diary.look_at(services.desk)
        await asyncio.to_thread(diary.write, diary.unwritten())
        services.ingest.forget_left(services.clock() - services.settings.forget_after_s)


async def _answer_api_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    if error.status == 403 or error.body.code == UNKNOWN_PARAMETER:
        denial = Denial(error.body.code, error.body.message, error.status)
        request.app.state.refusals.add(denial, request.scope)
    return JSONResponse(error.body.model_dump(), error.status, error.headers)


async def _answer_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status, headers, message = error.status_code, error.headers, str(error.detail)
    routes = request.app.state.api_routes
    if status in (404, 405) and (allowed := methods.allowed(routes, request.scope)):
        status, message = 405, f"{request.method} is not for this path"
        headers = {"Allow": ", ".join(allowed)}
    body = ErrorBody(code=_CODES.get(status, "http_error"), message=message)
    return JSONResponse(body.model_dump(), status, headers=headers)


async def _answer_bad_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return JSONResponse(
        ErrorBody(code="bad_request", message=f"{where}: {first['msg']}").model_dump(), 422
    )
