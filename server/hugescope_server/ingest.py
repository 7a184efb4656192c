"""What agents send: checked here, applied to a picture, then published.

No I/O: `routes/agent.py` is its socket.

An agent that connects again starts with a full frame and a picture of its own. Until that frame is
taken, viewers keep the host's last good picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hugescope_server.bus import AgentJoined, AgentLeft, Bus, FrameTaken
from hugescope_server.questions import Questions
from hugescope_wire.errors import WireError
from hugescope_wire.frames import Frame, decode_frame
from hugescope_wire.host import PROTOCOL_VERSION, HostDelta, HostFrame, ProcessInfo
from hugescope_wire.messages import AgentHello, PageQuery
from hugescope_wire.picture import HostPicture

LARGE_FRAME_BYTES: Final = 2**20
"""From here on decoding takes long enough to be worth a thread."""


class Ingest:
    """The agents that are connected, one for each host at most: the newest.

    Args:
        bus: where frames go that were taken.
        max_hosts: agents connected at once.
        max_cells_per_host: a frame that would make a host larger is refused.
    """

    def __init__(self, bus: Bus, max_hosts: int, max_cells_per_host: int) -> None:
        self.bus: Final = bus
        self._max_hosts = max_hosts
        self._max_cells = max_cells_per_host
        self._sessions: dict[str, AgentSession] = {}

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
        session = AgentSession(self, hello, self._max_cells, on_replaced, questions)
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
        if self.is_current(session):
            del self._sessions[session.host_id]
            self.bus.publish(AgentLeft(session.host_id))


class AgentSession:
    """One agent's link from its hello to its end."""

    def __init__(
        self,
        ingest: Ingest,
        hello: AgentHello,
        max_cells: int,
        on_replaced: Callable[[], None],
        questions: Questions | None,
    ) -> None:
        self.host_id: Final = hello.host_id
        self.on_replaced: Final = on_replaced
        self.questions: Final = questions
        self._ingest = ingest
        self._hello = hello
        self._max_cells = max_cells
        self._picture = HostPicture()

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
        change = self._picture.apply(frame)
        hello = self._hello
        self._ingest.bus.publish(
            FrameTaken(hello.host_id, hello.epoch, hello.agent_version, data, self._picture, change)
        )

    def leave(self) -> None:
        """The link ended."""
        self._ingest.leave(self)

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
