"""A hub as it is shown to who may not see addresses; made once for all of them.

Whatever hub a viewer is served from, what is live or a time that is recorded, `seen_by` is the one
place where it is decided what this viewer sees of it.
"""

from __future__ import annotations

from typing import Final

from hugescope_server.auth.principal import Principal
from hugescope_server.bus import Bus
from hugescope_server.hoststate import HostState, Link, with_age
from hugescope_server.hub import Hub
from hugescope_server.mappingtrack import MappingTrack
from hugescope_server.veil.sight import LIMIT, Memo, VeiledSight, sees_addresses
from hugescope_server.veil.spaces import Spaces
from hugescope_server.veil.track import VeiledTrack
from hugescope_wire.picture import HostPicture


class VeiledHost:
    """One host: what is not said here is as in `HostState`."""

    def __init__(self, host: HostState, hub: Hub) -> None:
        self._host: Final = host
        self._places: Final = hub.atlas.host(host.host_id)
        self._sight: tuple[int, VeiledSight] | None = None
        self._memo: Memo = {}
        self._summary: tuple[int, Link, str] | None = None
        self._report: tuple[int, str] | None = None

    def is_of(self, host: HostState) -> bool:
        """Whether this is that host, and no later one of the same id."""
        return self._host is host

    @property
    def host_id(self) -> str:
        """Its id."""
        return self._host.host_id

    @property
    def epoch(self) -> str:
        """Of the agent run that the picture comes from."""
        return self._host.epoch

    @property
    def version(self) -> int:
        """Frames taken."""
        return self._host.version

    @property
    def report_version(self) -> int:
        """Another with each new report."""
        return self._host.report_version

    @property
    def pids(self) -> frozenset[int]:
        """The processes in the picture."""
        return self._host.pids

    @property
    def tracks(self) -> VeiledTracks:
        """The mappings by their numbers."""
        return VeiledTracks(self._host.tracks, self.sight)

    @property
    def sight(self) -> VeiledSight:
        """What there is to see of it now."""
        if self._sight is None or self._sight[0] != self._host.version:
            before = {} if self._sight is None else self._sight[1].spaces
            spaces = Spaces(self._host.processes, self._places, before)
            if len(self._memo) > 2 * len(self._host.tracks):
                self._memo.clear()
            self._sight = (self._host.version, VeiledSight(self._places, spaces, self._memo))
        return self._sight[1]

    def summary_json(self, now: float, link: Link) -> str:
        """As `HostState.summary_json`, with a limit that says what is hidden."""
        kept = self._summary
        if kept is None or kept[:2] != (self._host.version, link):
            shown = self.sight.shown(self._host.summary(link))
            shown = shown.model_copy(update={"limits": [LIMIT, *shown.limits]})
            text = shown.model_dump_json(exclude={"age_s"})
            kept = self._summary = (self._host.version, link, text)
        return with_age(kept[2], now - self._host.received_at)

    def report_json(self) -> str | None:
        """As `HostState.report_json`."""
        message = self._host.report_message()
        if message is None:
            return None
        if self._report is None or self._report[0] != self._host.report_version:
            text = self.sight.shown(message).model_dump_json()
            self._report = (self._host.report_version, text)
        return self._report[1]

    def frozen_picture(self) -> HostPicture:
        """As `HostState.frozen_picture`: with true addresses, which `sight` takes away."""
        return self._host.frozen_picture()

    def track_at(self, pid: int, start: int) -> MappingTrack | None:
        """The mapping that starts at this true address."""
        return self._host.track_at(pid, start)


class VeiledTracks:
    """A host's mappings by their numbers."""

    def __init__(self, tracks: dict[int, MappingTrack], sight: VeiledSight) -> None:
        self._tracks = tracks
        self._sight = sight

    def get(self, mapping_id: int) -> VeiledTrack | None:
        """The one of this number, if there is one."""
        track, pid = self._tracks.get(mapping_id), self._sight.spaces.pid_of(mapping_id)
        if track is None or pid is None:
            return None
        return VeiledTrack(track, self._sight.shown_of(pid, track.info))


class VeiledHub:
    """All hosts of a hub: what is not said here is as in `Hub`."""

    def __init__(self, hub: Hub) -> None:
        self._hub: Final = hub
        self._hosts: dict[str, VeiledHost] = {}

    @property
    def epoch(self) -> str:
        """Of this run of the server."""
        return self._hub.epoch

    @property
    def bus(self) -> Bus:
        """Where its hosts speak."""
        return self._hub.bus

    @property
    def version(self) -> int:
        """Rises with everything that a viewer's overview may show."""
        return self._hub.version

    def host(self, host_id: str) -> VeiledHost | None:
        """The host of this id, if one is known."""
        host = self._hub.host(host_id)
        return None if host is None else self._veiled(host)

    def hosts(self) -> list[VeiledHost]:
        """All hosts, in the order of their ids."""
        hosts = [self._veiled(host) for host in self._hub.hosts()]
        self._hosts = {host.host_id: host for host in hosts}
        return hosts

    def overview_json(self, now: float) -> str:
        """As `Hub.overview_json`."""
        parts = (
            self._veiled(host).summary_json(now, self._hub.link(host, now))
            for host in self._hub.hosts()
        )
        return f'{{"type":"overview","hosts":[{",".join(parts)}]}}'

    def _veiled(self, host: HostState) -> VeiledHost:
        veiled = self._hosts.get(host.host_id)
        if veiled is None or not veiled.is_of(host):
            veiled = self._hosts[host.host_id] = VeiledHost(host, self._hub)
        return veiled


AnyHost = HostState | VeiledHost
AnyTrack = MappingTrack | VeiledTrack
AnyHub = Hub | VeiledHub


def seen_by(hub: Hub, principal: Principal | None) -> AnyHub:
    """The hub as this one may see it."""
    return hub if sees_addresses(principal) else veiled_hub(hub)


def veiled_hub(hub: Hub) -> VeiledHub:
    """The hub as it is shown to who may not see addresses: always the same one."""
    if hub.veiled is None:
        hub.veiled = VeiledHub(hub)
    return hub.veiled
