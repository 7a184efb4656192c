"""The frames of one run of an agent that the server may not have yet, in a bounded ring.

No I/O, and the clock is passed in. Frames are numbered as they are made. A full frame is not kept
once it was handed to a socket: if the server took it, what follows is enough, and if not, another
full frame is due.

While there is no link the oldest frames go when the ring is full. Then the frames that are left fit
no picture that a server has: `resumable` is false, and only a full frame helps.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from hugescope_wire.frames import marked_late
from hugescope_wire.messages import Resume

MAX_AGE_S: Final = 600.0
MAX_BYTES: Final = 16 * 2**20


@dataclass(frozen=True, slots=True)
class _Kept:
    """A frame; `at_s` on the agent's monotonic clock."""

    seq: int
    at_s: float
    data: bytes
    full: bool


class Outbox:
    """What was made, what was sent, and what the server is known to have.

    Attributes:
        seq: of the last frame that was made; 0: none yet.
        needs_full: whether nothing but a full frame can be sent.
        kept_bytes: of all frames in the ring.
        dropped: frames that had to go before a server took them.
    """

    def __init__(self, max_age_s: float = MAX_AGE_S, max_bytes: int = MAX_BYTES) -> None:
        self.seq = 0
        self.needs_full = True
        self.kept_bytes = 0
        self.dropped = 0
        self._max_age_s = max_age_s
        self._max_bytes = max_bytes
        self._ring: deque[_Kept] = deque()
        self._sent = 0
        self._linked = False
        self._tells_taken = False
        self._late_until = 0
        self._full = (0, 0.0)
        self._known_at_s: float | None = None

    @property
    def first_seq(self) -> int:
        """The oldest frame of the ring; the next one to be made where it is empty."""
        return self._ring[0].seq if self._ring else self.seq + 1

    @property
    def resumable(self) -> bool:
        """Whether some server may have the picture that the oldest kept frame goes on from."""
        return self._tells_taken and 0 < self.first_seq - 1 <= self._sent

    def hello(self, now_s: float) -> Resume | None:
        """What the next hello says; None before the first frame."""
        if self.seq == 0:
            return None
        self._trim(now_s)
        behind_s = None if self._known_at_s is None else max(0.0, now_s - self._known_at_s)
        return Resume(first_seq=self.first_seq, last_seq=self.seq, behind_s=behind_s)

    def welcomed(self, seq: int | None, *, tells_taken: bool) -> bool:
        """A server has this run's picture up to `seq` (None: nothing of it). Whether the kept
        frames go on from there; if not they are dropped, and a full frame is to be made.
        """
        self._linked, self._tells_taken = True, tells_taken
        if seq is None or not self.first_seq - 1 <= seq <= self.seq:
            self._drop_until(self.seq)
            self.needs_full = True
            return False
        self.needs_full = False
        self._drop_until(seq)
        self._sent, self._late_until = seq, self.seq
        self._is_known(seq)
        return True

    def add(self, data: bytes, now_s: float, *, full: bool) -> None:
        """Frame `seq + 1`, encoded. A delta that was made before it was known that a full frame is
        needed goes nowhere: the full frame holds what it said.
        """
        if self.needs_full and not full:
            return
        self.needs_full = False
        self.seq += 1
        self._ring.append(_Kept(self.seq, now_s, data, full))
        self.kept_bytes += len(data)
        self._trim(now_s)

    def take_unsent(self) -> bytes | None:
        """The next frame to send, and it counts as sent; None where all are."""
        for kept in self._ring:
            if kept.seq > self._sent:
                break
        else:
            return None
        self._sent = kept.seq
        if self._known_at_s is None:
            self._known_at_s = kept.at_s
        if not self._tells_taken:
            self._known_at_s = kept.at_s
            self._drop_until(kept.seq)
        elif kept.full:
            self._full = (kept.seq, kept.at_s)
            self._drop_until(kept.seq)
        return marked_late(kept.data) if kept.seq <= self._late_until else kept.data

    def taken(self, seq: int) -> None:
        """The server has all frames up to this one."""
        if seq <= self._sent:
            self._is_known(seq)
            self._drop_until(seq)

    def lost(self) -> None:
        """The link is gone. What was sent may have come, or not."""
        self._linked = False

    def _is_known(self, seq: int) -> None:
        """Note when the newest frame was made that a server is known to have."""
        full_seq, full_at_s = self._full
        if full_seq == seq:
            self._known_at_s = full_at_s
        for kept in self._ring:
            if kept.seq > seq:
                break
            self._known_at_s = kept.at_s

    def _drop_until(self, seq: int) -> None:
        while self._ring and self._ring[0].seq <= seq:
            self.kept_bytes -= len(self._ring.popleft().data)

    def _trim(self, now_s: float) -> None:
        """Keep to the bounds; what is being sent stays, for a link carries one frame at a time."""
        while self._ring and not (self._linked and len(self._ring) == 1):
            oldest = self._ring[0]
            if self.kept_bytes <= self._max_bytes and now_s - oldest.at_s <= self._max_age_s:
                return
            self._drop_until(oldest.seq)
            self.dropped += 1
