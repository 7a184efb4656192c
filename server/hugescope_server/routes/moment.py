"""Whether a request is about the present or about a moment of the past, for all routes that can
answer for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Query

from hugescope_server.auth.principal import Principal
from hugescope_server.errors import ApiError, ErrorBody
from hugescope_server.routes.services import Services
from hugescope_server.timeline.past import WARM_UP_S
from hugescope_server.veil.desk import AnyDesk, desk_seen_by
from hugescope_server.veil.hub import AnyHub, seen_by

MomentQuery = Annotated[
    float | None,
    Query(ge=0, lt=1e11, description="seconds since 1970: as it was then; absent: as it is now"),
]

NOT_RECORDED: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": ErrorBody, "description": "`not_recorded`: nothing is kept of that moment"}
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request is answered from, as who asks may see it.

    Attributes:
        now: by the hub's clock.
    """

    hub: AnyHub
    desk: AnyDesk
    now: float


async def shown(
    services: Services,
    principal: Principal,
    at_s: float | None,
    host_id: str | None = None,
    *,
    with_past: bool = False,
) -> Shown:
    """The present, or a moment; of the past of one host only, where `host_id` says so.

    Args:
        services: of this server.
        principal: who asks.
        at_s: the moment; None: the present.
        host_id: None: all hosts are wanted.
        with_past: ages, timelines and migrations are wanted too.

    Raises:
        ApiError: `not_recorded`.
    """
    if at_s is None:
        hub, desk, now = services.hub, services.desk, services.clock()
        return Shown(seen_by(hub, principal), desk_seen_by(desk, hub, principal), now)
    why = services.past.unknown_at(at_s, host_id)
    if why is not None:
        raise ApiError(404, "not_recorded", why)
    scene = await services.past.moment(at_s, WARM_UP_S if with_past else 0.0, host_id)
    shown_desk = desk_seen_by(scene.desk, scene.hub, principal)
    return Shown(seen_by(scene.hub, principal), shown_desk, scene.clock.now())
