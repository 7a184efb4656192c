"""What agents send: checked here, applied to a picture, then published.

No I/O: `routes/agent.py` is its socket.

The picture of an agent whose link broke is kept. If the same run of the agent comes back and has
every frame since, it goes on from there; else it starts with a full frame and a picture of its own,
and that frame tells why nothing is known of the time before it. Never is a part of what was missed
made up for. Until the first frame is taken, viewers keep the host's last good picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hugescope_server.bus import AgentJoined, AgentLeft, Bus, FrameTaken, Unseen
from hugescope_server.questions import Questions
from hugescope_wire.errors import WireError
from hugescope_wire.frames import Frame, decode_frame
from hugescope_wire.host import PROTOCOL_VERSION, HostDelta, HostFrame, ProcessInfo
from hugescope_wire.messages import AgentHello, PageQuery
from hugescope_wire.picture import HostPicture

LARGE_FRAME_BYTES: Final = 2**20
"""From here on decoding takes long enough to be worth a thread."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a host's last agent left.

    Attributes:
        at_s: when it left.
    """

    boot_id: str | None
    epoch: str
    picture: HostPicture
    at_s: float


class Ingest:
    """The agents that are connected, one for each host at most: the newest.

    Args:
        bus: where frames go that were taken.
        max_hosts: agents connected at once, and pictures kept of those that left.
        max_cells_per_host: a frame that would make a host larger is refused.
        not_looked_s: an agent that let so long pass between two looks missed something.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        bus: Bus,
        max_hosts: int,
        max_cells_per_host: int,
        not_looked_s: float = 3.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bus: Final = bus
        self.clock: Final = clock
        self.not_looked_s: Final = not_looked_s
        self._max_hosts = max_hosts
        self._max_cells = max_cells_per_host
        self._sessions: dict[str, AgentSession] = {}
        self._left: dict[str, Kept] = {}

    def join(
        self, hello: AgentHello, on_replaced: Callable[[], None], questions: Questions | None = None
    ) -> AgentSession:
        """Let this agent speak for its host, and answer `questions`.

        One that did so before is told by its own `on_replaced`.

        Raises:
            WireError: `unsupported_protocol`, or `too_many_hosts`.
        """
        if hello.protocol != PROTOCOL_VERSION:
            raise WireError(
                "unsupported_protocol",
                f"the agent speaks protocol {hello.protocol}, this server {PROTOCOL_VERSION}: "
                "run the same version of hugescope on both",
            )
        older = self._sessions.get(hello.host_id)
        if older is None and len(self._sessions) >= self._max_hosts:
            raise WireError("too_many_hosts", f"{self._max_hosts} agents are connected already")
        kept = self._left.pop(hello.host_id, None) if older is None else older.kept
        session = AgentSession(self, hello, self._max_cells, on_replaced, questions, kept)
        self._sessions[hello.host_id] = session
        if older is not None:
            older.on_replaced()
        self.bus.publish(AgentJoined(hello.host_id))
        return session

    def questions(self, host_id: str) -> Questions | None:
        """Where to ask the agent of this host; None while there is none, or one that takes no
        questions.
        """
        session = self._sessions.get(host_id)
        return session.questions if session is not None and session.answers_pages else None

    def is_current(self, session: AgentSession) -> bool:
        """Whether no newer agent has taken this one's place, and it has not left."""
        return self._sessions.get(session.host_id) is session

    def leave(self, session: AgentSession) -> None:
        """This agent's link ended. Nothing happens if another took its place."""
        if not self.is_current(session):
            return
        del self._sessions[session.host_id]
        kept = session.kept
        if kept is not None:
            self._left[session.host_id] = kept
            if len(self._left) > self._max_hosts:
                del self._left[min(self._left, key=lambda host_id: self._left[host_id].at_s)]
        self.bus.publish(AgentLeft(session.host_id))

    def forget_left(self, before_s: float) -> None:
        """Drop the pictures of agents that left before this."""
        for host_id, kept in list(self._left.items()):
            if kept.at_s <= before_s:
                del self._left[host_id]


class AgentSession:
    """One agent's link from its hello to its end.

    Attributes:
        resumed_at: the frame after which it goes on; None: it starts with a full one.
    """

    def __init__(
        self,
        ingest: Ingest,
        hello: AgentHello,
        max_cells: int,
        on_replaced: Callable[[], None],
        questions: Questions | None,
        kept: Kept | None = None,
    ) -> None:
        self.host_id: Final = hello.host_id
        self.on_replaced: Final = on_replaced
        self.questions: Final = questions
        self._ingest = ingest
        self._hello = hello
        self._max_cells = max_cells
        self._joined_s = ingest.clock()
        self._before = kept
        self._picture = HostPicture()
        self.resumed_at: Final = None if kept is None else _resumed_at(hello, kept)
        if kept is not None and self.resumed_at is not None:
            # The agent before takes no more frames: it has left, or is not the newest.
            self._picture = kept.picture
        self._began = False

    @property
    def seq(self) -> int:
        """The last frame that was taken; 0: none."""
        return self._picture.seq

    @property
    def keeps_frames(self) -> bool:
        """Whether this agent wants to be told what was taken."""
        return self._hello.keeps

    @property
    def kept(self) -> Kept | None:
        """What is left for the next agent: the last good picture, its own or the one before."""
        if self._picture.about is None:
            return self._before
        hello = self._hello
        return Kept(hello.boot_id, hello.epoch, self._picture, self._ingest.clock())

    @property
    def answers_pages(self) -> bool:
        """Whether this agent knows the question about a page; an older one would leave."""
        return PageQuery.model_fields["type"].default in self._hello.answers

    def take(self, data: bytes, frame: Frame | None = None) -> None:
        """Check and apply one frame and publish it; `frame` where it was decoded already.

        Raises:
            WireError: the frame does not fit; nothing was published, the picture is as it was.
                Codes are those of `decode_frame` and `HostPicture.apply`, and `too_many_cells`.
        """
        if not self._ingest.is_current(self):
            raise WireError("replaced", f"a newer agent speaks for {self.host_id}")
        if frame is None:
            frame = decode_frame(data)
        if isinstance(frame.meta, HostFrame) and frame.seq <= self._picture.seq:
            raise WireError("bad_seq", f"full frame {frame.seq} after frame {self._picture.seq}")
        self._check_size(frame)
        unseen = self._unseen(frame)
        change = self._picture.apply(frame)
        self._began = True
        hello = self._hello
        self._ingest.bus.publish(
            FrameTaken(
                hello.host_id,
                hello.epoch,
                hello.agent_version,
                data,
                self._picture,
                change,
                frame.late,
                unseen,
            )
        )

    def leave(self) -> None:
        """The link ended."""
        self._ingest.leave(self)

    def _unseen(self, frame: Frame) -> Unseen | None:
        """What this frame leaves unknown before it."""
        goes_on = self.resumed_at is not None and frame.seq == self._picture.seq + 1
        if isinstance(frame.meta, HostFrame) and not self._began and not goes_on:
            return self._unseen_before()
        about = self._picture.about
        if about is None or frame.meta is None or about.source.kind != "live":
            return None
        passed_s = frame.meta.monotonic_s - about.monotonic_s
        return Unseen("not_looked", passed_s) if passed_s >= self._ingest.not_looked_s else None

    def _unseen_before(self) -> Unseen | None:
        """Why a full frame had to come."""
        kept, hello = self._before, self._hello
        if kept is None:
            if hello.resume is None or hello.resume.behind_s is None:
                return None
            waited_s = self._ingest.clock() - self._joined_s
            return Unseen("server_restarted", hello.resume.behind_s + waited_s)
        if kept.epoch == hello.epoch and kept.boot_id == hello.boot_id:
            return Unseen("not_kept")
        other_boot = None not in (kept.boot_id, hello.boot_id) and kept.boot_id != hello.boot_id
        return Unseen("host_restarted" if other_boot else "agent_restarted")

    def _check_size(self, frame: Frame) -> None:
        """Refuse before anything is allocated: a few bytes of runs may stand for 2^32 cells."""
        if frame.meta is None or not frame.meta.processes:
            return
        processes = self._kept_processes(frame.meta) + frame.meta.processes
        total = sum(mapping.cell_count for process in processes for mapping in process.mappings)
        if total > self._max_cells:
            raise WireError(
                "too_many_cells", f"{total} cells in one host, this server keeps {self._max_cells}"
            )

    def _kept_processes(self, meta: HostFrame | HostDelta) -> list[ProcessInfo]:
        """Those of the picture that the frame neither replaces nor ends."""
        about = self._picture.about
        if about is None or isinstance(meta, HostFrame):
            return []
        replaced = {*meta.gone_pids, *(process.pid for process in meta.processes)}
        return [process for process in about.processes if process.pid not in replaced]


def _resumed_at(hello: AgentHello, kept: Kept) -> int | None:
    """The frame after which this agent can go on; None: it can not, or not without a hole."""
    resume, seq = hello.resume, kept.picture.seq
    if resume is None or (hello.boot_id, hello.epoch) != (kept.boot_id, kept.epoch):
        return None
    return seq if resume.first_seq - 1 <= seq <= resume.last_seq else None
