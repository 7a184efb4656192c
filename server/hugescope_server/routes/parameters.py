"""Parameters that a route does not know are refused: who asks for what is not given is told so.

So a question for page frame numbers, which nobody gets, is no question that was answered.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from hugescope_server.errors import ApiError

UNKNOWN_PARAMETER: Final = "unknown_parameter"
_SHOWN: Final = 40


async def only_known_parameters(request: Request) -> None:
    """Every parameter of the query is one that this route has, as its description says.

    Raises:
        ApiError: 422 `unknown_parameter`, naming the first that is not.
    """
    operations = request.app.openapi()["paths"][request.scope["route"].path]
    operation = operations[request.method.lower()]
    known = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
    for name in request.query_params:
        if name not in known:
            raise ApiError(422, UNKNOWN_PARAMETER, f"there is no parameter {name[:_SHOWN]!r} here")
