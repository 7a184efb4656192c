"""What one viewer follows of hosts beside their cells: thumbnails, and how it went.

Without I/O, as `mailbox.py`: what changes while a viewer is slow is folded into its next messages.
Both come on ticks that all viewers share, so that they are made once for all of them, and only in
their ticks; the first of a host that was not followed before comes at once. With each `Follow` all
thumbnails that it names are sent again, and statistics go on where they were if the host's were
followed before. A host or a mapping that is not there is passed over until it is, since a viewer's
overview may be behind or ahead.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Final

from hugescope_server.hoststate import HostState
from hugescope_server.hub import Hub
from hugescope_server.statistics import Timeline
from hugescope_wire.follow import FollowedHost
from hugescope_wire.messages import Follow, Thumbnails

THUMBNAILS_PERIOD_S: Final = 0.5
STATISTICS_PERIOD_S: Final = 1.0


@dataclass(slots=True)
class _Sent:
    """What the viewer has of one host.

    Attributes:
        thumbnails_tick, statistics_tick: when these were looked at last, in periods.
        thumbnails: by mapping id, the track's generation and the thumbnail's number.
        timeline: of which points were sent, up to `end`; None: of none yet.
        histograms: as sent.
    """

    thumbnails_tick: float = -math.inf
    statistics_tick: float = -math.inf
    thumbnails: dict[int, tuple[int, int]] = field(default_factory=dict)
    timeline: Timeline | None = None
    end: int = 0
    histograms: str = ""


class Follower:
    """One viewer's wish, and what it was sent; statistics only where they are of any use."""

    def __init__(self, hub: Hub, *, with_statistics: bool = True) -> None:
        self._hub = hub
        self._with_statistics = with_statistics
        self._wishes: dict[str, FollowedHost] = {}
        self._sent: dict[str, _Sent] = {}

    def receive(self, follow: Follow) -> None:
        """Follow this in place of what was followed before; of a host named twice, the last."""
        self._wishes = {wish.host_id: wish for wish in follow.hosts}
        before, self._sent = self._sent, {}
        for host_id, wish in self._wishes.items():
            sent = self._sent[host_id] = before.get(host_id) or _Sent()
            sent.thumbnails = {}
            if not wish.statistics:
                sent.timeline = None

    def poll(self, now: float) -> list[str]:
        """`Thumbnails` and `Statistics` that are due; the caller sends them all."""
        out: list[str] = []
        for host_id, wish in self._wishes.items():
            host = self._hub.host(host_id)
            if host is None:
                continue
            sent = self._sent[host_id]
            tick = math.floor(now / THUMBNAILS_PERIOD_S)
            if wish.thumbnails and tick > sent.thumbnails_tick:
                sent.thumbnails_tick = tick
                out += _thumbnails(host, wish.thumbnails, sent)
            tick = math.floor(now / STATISTICS_PERIOD_S)
            if wish.statistics and self._with_statistics and tick > sent.statistics_tick:
                sent.statistics_tick = tick
                out += _statistics(host, sent)
        return out

    def wait_s(self, now: float) -> float:
        """Seconds until `poll` may give something, if no `Follow` comes before."""
        if not self._wishes:
            return math.inf
        return (math.floor(now / THUMBNAILS_PERIOD_S) + 1) * THUMBNAILS_PERIOD_S - now


def _thumbnails(host: HostState, mapping_ids: list[int], sent: _Sent) -> list[str]:
    """Those that the viewer has not got as they are now."""
    thumbs = []
    for mapping_id in mapping_ids:
        track = host.tracks.get(mapping_id)
        if track is None:
            continue
        thumbnail = track.thumbnail()
        is_now = (track.generation, thumbnail.number)
        if sent.thumbnails.get(mapping_id) != is_now:
            sent.thumbnails[mapping_id] = is_now
            thumbs.append(thumbnail.record(mapping_id))
    if not thumbs:
        return []
    message = Thumbnails(host_id=host.host_id, epoch=host.epoch, thumbs=thumbs)
    return [message.model_dump_json()]


def _statistics(host: HostState, sent: _Sent) -> list[str]:
    """The points that the viewer has not got, with the histograms; nothing if both are as sent."""
    timeline, histograms = host.timeline, host.histograms_json()
    begins = timeline is not sent.timeline or sent.end < timeline.begin
    points = timeline.since(timeline.begin if begins else sent.end)
    if not begins and not points and histograms == sent.histograms:
        return []
    sent.timeline, sent.end, sent.histograms = timeline, timeline.end, histograms
    text = (
        f'{{"type":"statistics","host_id":{json.dumps(host.host_id)},'
        f'"begins":{"true" if begins else "false"},'
        f'"points":[{",".join(points)}],"histograms":{histograms}}}'
    )
    return [text]
