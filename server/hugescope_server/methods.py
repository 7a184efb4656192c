"""Which methods a path of the API takes: for an answer to the others that names them all.

Starlette's own 405 names those of the first route that it finds, and the front end's route, which
takes every path, makes a 404 of a GET where only a POST is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.routing import BaseRoute, Match
from starlette.types import Scope

_METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


def allowed(routes: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """The methods that any of these routes takes at the path of `scope`, sorted; none where no
    route has this path.
    """
    if scope["type"] != "http":
        return []
    return [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
