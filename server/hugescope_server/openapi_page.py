"""The OpenAPI page, `/docs`, without a network: Swagger UI comes from the package fastapi-offline.

FastAPI's own page loads it from a CDN and starts it with an inline script; both are against this
server's Content-Security-Policy. Only the files of that package are used here.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from fastapi import APIRouter
from starlette.responses import FileResponse, HTMLResponse, Response

OPENAPI_PATH: Final = "/openapi.json"

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>HugeScope API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

_START: Final = f"""SwaggerUIBundle({{
  url: "{OPENAPI_PATH}",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
}});
"""

router: Final = APIRouter(include_in_schema=False)


@router.get("/docs")
async def page() -> HTMLResponse:
    """The page."""
    return HTMLResponse(_PAGE)


@router.get("/docs/start.js")
async def start_script() -> Response:
    """What FastAPI has inline."""
    return Response(_START, media_type="text/javascript")


@router.get("/docs/swagger-ui-bundle.js")
async def bundle() -> FileResponse:
    """Swagger UI."""
    return FileResponse(_asset("swagger-ui-bundle.js"), media_type="text/javascript")


@router.get("/docs/swagger-ui.css")
async def style() -> FileResponse:
    """Its style."""
    return FileResponse(_asset("swagger-ui.css"), media_type="text/css")


def _asset(name: str) -> str:
    return str(files("fastapi_offline") / "static" / name)
