"""Metrics for Prometheus and what speaks like it."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from hugescope_server.auth.door import METRICS_PATH
from hugescope_server.routes.services import ServicesDep

router: Final = APIRouter()


@router.get(METRICS_PATH, include_in_schema=False)
async def metrics(request: Request, services: ServicesDep) -> Response:
    """OpenMetrics, or Prometheus' older text, as the Accept header asks."""
    body, content_type = await services.metrics.exposition(request.headers.get("accept", ""))
    headers = {"Cache-Control": "no-store", "Content-Type": content_type, "Vary": "Accept"}
    return Response(body, headers=headers)
