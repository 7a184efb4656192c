"""The hub at one moment, as a thread may read it while frames go on coming.

Made in the event loop, so it copies next to nothing: cells, frames and reports are replaced by new
ones and never written to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hugescope_server.hoststate import HostState, Link
from hugescope_server.hub import Hub
from hugescope_server.mappingtrack import MappingTrack
from hugescope_wire.cells import Cells
from hugescope_wire.host import HostFrame
from hugescope_wire.snapshot import LevelBytes


@dataclass(frozen=True, slots=True)
class MappingView:
    """One mapping; states are indexed by `CellState`.

    Attributes:
        key: another one where another mapping, or other cells, stand.
    """

    key: tuple[int, int]
    kind: Literal["hugetlb", "thp"]
    page_size: int
    state_counts: list[int]
    state_pages: list[int]
    levels: LevelBytes
    cells: Cells


@dataclass(frozen=True, slots=True)
class HostView:
    """One host.

    Attributes:
        age_s: since its last frame.
        clock_behind_s: by the server's; None: not known.
    """

    host_id: str
    link: Link
    age_s: float
    agent_version: str
    clock_behind_s: float | None
    about: HostFrame
    mappings: list[MappingView]


def hosts_now(hub: Hub, now: float) -> list[HostView]:
    """All hosts, in the order of their ids; `now` is seconds of the hub's clock."""
    return [_host_now(hub, host, now) for host in hub.hosts()]


def _host_now(hub: Hub, host: HostState, now: float) -> HostView:
    about = host.frozen_picture().about
    assert about is not None, "a host is known from its first full frame on"
    return HostView(
        host_id=host.host_id,
        link=hub.link(host, now),
        age_s=max(0.0, now - host.received_at),
        agent_version=host.agent_version,
        clock_behind_s=host.clock_behind_s,
        about=about,
        mappings=[_mapping_now(track) for track in host.tracks.values()],
    )


def _mapping_now(track: MappingTrack) -> MappingView:
    return MappingView(
        key=(track.generation, track.last_change),
        kind=track.info.kind,
        page_size=track.info.page_size,
        state_counts=track.totals.state_counts,
        state_pages=track.totals.state_pages,
        levels=track.totals.levels(track.info),
        cells=track.cells,
    )
