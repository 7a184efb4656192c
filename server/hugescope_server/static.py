"""The built front end, served from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

HASHED_DIR: Final = "assets/"
"""The build puts a hash into the name of every file in here, so that they never change."""

_FOREVER: Final = "private, max-age=31536000, immutable"
_ASK_EACH_TIME: Final = "no-cache"

NOT_BUILT: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>HugeScope</title>
<h1>The front end is not built</h1>
<p>This server runs from a checkout in which the browser's part was not built yet. In the checkout,
run</p>
<pre>npm --prefix frontend ci
npm --prefix frontend run build</pre>
<p>and load this page again. The API works without it: see <a href="/docs">/docs</a>.</p>
</html>
"""


def front_end_router(static_dir: Path) -> APIRouter:
    """`/` and every file below `static_dir`; comes last, for it takes every path that is left."""
    router = APIRouter(include_in_schema=False)
    files = StaticFiles(directory=static_dir, check_dir=False)

    @router.api_route("/", methods=["GET", "HEAD"])
    async def index(request: Request) -> Response:
        try:
            return await _file(files, "index.html", request)
        except HTTPException:
            return HTMLResponse(NOT_BUILT, status_code=503)

    @router.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def file(path: str, request: Request) -> Response:
        return await _file(files, path, request)

    return router


async def _file(files: StaticFiles, path: str, request: Request) -> Response:
    response = await files.get_response(path, request.scope)
    response.headers["Cache-Control"] = _FOREVER if path.startswith(HASHED_DIR) else _ASK_EACH_TIME
    return response
