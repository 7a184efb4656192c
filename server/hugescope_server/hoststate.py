"""The present state of one host, as viewers may ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from hugescope_server.bus import FrameTaken
from hugescope_server.histograms import HostHistograms
from hugescope_server.mappingtrack import MappingTrack
from hugescope_server.statistics import Timeline
from hugescope_server.unseen import Clocks, Gaps
from hugescope_server.veil.sight import OPEN_SIGHT, Sight
from hugescope_wire.host import HostFrame, Limit, ProcessInfo
from hugescope_wire.messages import HostSummary, ProcessSummary, ReportMessage
from hugescope_wire.picture import Change, HostPicture
from hugescope_wire.report import HostReport

Link = Literal["live", "late", "gone"]


class HostState:
    """The last good picture of one host, kept while its agent is away.

    All times are seconds of the server's monotonic clock.

    Attributes:
        version: frames taken since the server knows this host; never restarts while it does.
        epoch: of the agent run that the picture comes from.
        connected: whether an agent's link is open.
        received_at: when the last frame came; of one that had waited, when it was made.
        report_version: another with each new report, of all hosts; 0 until one came.
    """

    def __init__(self, host_id: str, generations: Iterator[int]) -> None:
        self.host_id: Final = host_id
        self.version = 0
        self.epoch = ""
        self.connected = True
        self.received_at = 0.0
        self.tracks: dict[int, MappingTrack] = {}
        self.timeline: Final = Timeline()
        self._histograms = HostHistograms()
        self._generations = generations
        self._agent_version = ""
        self._gaps: Final = Gaps()
        self._clocks = Clocks()
        self._wall_s = 0.0
        self._picture = HostPicture()
        self._told: Limit | None = None
        self._summary: tuple[int, Link, str] | None = None
        self.report_version = 0
        self._report: HostReport | None = None
        self._report_text: str | None = None

    def take(self, event: FrameTaken, now: float, wall_s: float) -> None:
        """Follow a frame that was applied to `event.picture` and came now, `wall_s` since 1970."""
        self.version += 1
        if event.epoch != self.epoch:
            self.tracks = {}
            self._clocks = Clocks()
        now = self._stamp(event, now, wall_s)
        self.epoch, self._agent_version = event.epoch, event.agent_version
        self._picture = event.picture
        self._follow(event.picture, event.change, now)
        if self.timeline.is_due(now):
            present_bytes = sum(track.summary().mapped_bytes for track in self.tracks.values())
            self.timeline.add(now, present_bytes, self._about.pools)
            self._histograms.second_passed()
        if self._about.report is not self._report:
            self._report, self._report_text = self._about.report, None
            self.report_version = next(self._generations)

    def tell(self, limit: Limit | None) -> None:
        """What the server cannot do now."""
        self._told, self._summary = limit, None

    def _stamp(self, event: FrameTaken, now: float, wall_s: float) -> float:
        """When the frame was made, or came where it did not wait; notes what was missed before."""
        about = event.picture.about
        assert about is not None, "a frame was applied to the picture"
        before, self._wall_s = self.received_at, wall_s
        if event.late:
            self.received_at = max(before, self._clocks.moment(about.monotonic_s, now))
        else:
            taken_s, live = about.taken_at.timestamp(), about.source.kind == "live"
            self._clocks.see(live, taken_s, about.monotonic_s, now, wall_s)
            made_at = self._clocks.made_at(about.monotonic_s, now) if live else now
            self.received_at = max(before, made_at)
        if event.unseen is not None:
            until_s = wall_s - (now - self.received_at)
            since_s = wall_s - (now - before) if before else until_s
            if event.unseen.for_s is not None:
                since_s = until_s - event.unseen.for_s
            self._gaps.add(event.unseen, since_s, until_s)
        return self.received_at

    def link(self, now: float, late_after_s: float, gone_after_s: float) -> Link:
        """How fresh the picture is."""
        age_s = now - self.received_at
        if not self.connected or age_s >= gone_after_s:
            return "gone"
        return "late" if age_s >= late_after_s else "live"

    def frozen_picture(self) -> HostPicture:
        """The picture as it is now, safe to read in a thread: frames never write in its parts."""
        picture = self._picture
        return HostPicture(picture.seq, picture.about, picture.mappings, picture.cells)

    @property
    def processes(self) -> list[ProcessInfo]:
        """The processes in the picture, with their mappings."""
        return self._about.processes

    @property
    def sight(self) -> Sight:
        """What there is to see of it for who may see everything."""
        return OPEN_SIGHT

    @property
    def pids(self) -> frozenset[int]:
        """The processes in the picture."""
        return frozenset(process.pid for process in self._about.processes)

    @property
    def agent_version(self) -> str:
        """Of the agent that the picture comes from."""
        return self._agent_version

    @property
    def clock_behind_s(self) -> float | None:
        """By how much the host's clock is behind the server's; None: not known."""
        return self._clocks.behind_s

    def summary_json(self, now: float, link: Link) -> str:
        """A `HostSummary` at `now`; all but the age is built once per frame and link state."""
        kept = self._summary
        if kept is None or kept[:2] != (self.version, link):
            text = self.summary(link).model_dump_json(exclude={"age_s"})
            kept = self._summary = (self.version, link, text)
        return with_age(kept[2], now - self.received_at)

    def report_json(self) -> str | None:
        """The `ReportMessage` of the last report, built once; None where none came."""
        message = self.report_message()
        if message is not None and self._report_text is None:
            self._report_text = message.model_dump_json()
        return self._report_text

    def report_message(self) -> ReportMessage | None:
        """The last report as it travels; None where none came."""
        if self._report is None:
            return None
        return ReportMessage.model_construct(
            host_id=self.host_id, epoch=self.epoch, report=self._report
        )

    def histograms_json(self) -> str:
        """`Histograms` of all cells, counted again only after a frame."""
        return self._histograms.text(self.version, self.tracks.values())

    def track_at(self, pid: int, start: int) -> MappingTrack | None:
        """The mapping of this process that starts at this address."""
        for process in self._about.processes:
            if process.pid == pid:
                for mapping in process.mappings:
                    if mapping.start == start:
                        return self.tracks[mapping.id]
        return None

    def place_of(self, mapping_id: int) -> tuple[int, int] | None:
        """The process that has this mapping, and its first address."""
        for process in self._about.processes:
            for mapping in process.mappings:
                if mapping.id == mapping_id:
                    return process.pid, mapping.start
        return None

    @property
    def _about(self) -> HostFrame:
        assert self._picture.about is not None, "a host is known from its first full frame on"
        return self._picture.about

    def _follow(self, picture: HostPicture, change: Change, now: float) -> None:
        for number in self.tracks.keys() - picture.mappings.keys():
            del self.tracks[number]
        for number, info in picture.mappings.items():
            track = self.tracks.get(number)
            if track is None or not track.fits(info):
                cells = picture.cells[number]
                self.tracks[number] = MappingTrack(
                    next(self._generations), info, cells, self.version
                )
                continue
            track.renew_info(info)
            if number in change.cells:
                cells, index = picture.cells[number], change.cells[number]
                self.timeline.count(track.cells, cells, index)
                track.renew_cells(cells, index, self.version, now)

    def summary(self, link: Link) -> HostSummary:
        """What the overview shows of it, but for its age."""
        about = self._about
        unknown = [self._gaps.limit(self._wall_s), self._clocks.limit(), self._told]
        behind_s = self._clocks.behind_s
        return HostSummary.model_construct(
            host_id=self.host_id,
            host=about.host,
            source=about.source,
            link=link,
            age_s=0.0,
            taken_at=about.taken_at,
            seq=self._picture.seq,
            epoch=self.epoch,
            agent_version=self._agent_version,
            capabilities=about.capabilities,
            limits=[*about.limits, *(limit for limit in unknown if limit is not None)],
            pools=about.pools,
            processes=[
                ProcessSummary.model_construct(
                    pid=process.pid,
                    comm=process.comm,
                    name=process.name,
                    vm=process.vm,
                    mappings=[self.tracks[mapping.id].summary() for mapping in process.mappings],
                )
                for process in about.processes
            ],
            skipped=about.skipped,
            cost=about.cost,
            gaps=self._gaps.all(),
            clock_behind_s=None if behind_s is None else round(behind_s, 1),
        )


def with_age(summary: str, age_s: float) -> str:
    """The JSON of a `HostSummary` without its age, with it."""
    return f'{summary[:-1]},"age_s":{max(0.0, age_s):.3f}}}'
