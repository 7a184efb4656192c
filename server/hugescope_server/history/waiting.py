"""What one host's history waits to have written. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hugescope_wire.picture import HostPicture
from hugescope_wire.segments.deltas import TimedFrame
from hugescope_wire.segments.writer import frozen

_WHY: Final = {
    "agent_restarted": "the agent was started anew",
    "host_restarted": "the host was started anew",
    "server_restarted": "the server was started anew",
    "not_kept": "the link was away for longer than the agent keeps what it sees",
    "not_looked": "the agent did not get to look, or could not send",
}


def why_unseen(reason: str) -> str:
    """In words for people."""
    return _WHY.get(reason, reason)


@dataclass(frozen=True, slots=True)
class Missing:
    """A time of which nothing was kept, in microseconds since 1970.

    Attributes:
        since_us: None: since what was written last.
    """

    since_us: int | None
    until_us: int
    why: str


@dataclass(slots=True)
class Frames:
    """Frames that follow each other, and the host after the last of them."""

    frames: list[TimedFrame]
    after: HostPicture


@dataclass(slots=True)
class Waiting:
    """In order of time."""

    parts: list[Missing | Frames] = field(default_factory=list)

    def add(self, frame: TimedFrame, after: HostPicture) -> None:
        """A frame, and the picture to which it was applied."""
        last = self.parts[-1] if self.parts else None
        if isinstance(last, Frames):
            last.frames.append(frame)
            last.after = frozen(after)
        else:
            self.parts.append(Frames([frame], frozen(after)))
