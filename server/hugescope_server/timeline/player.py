"""One recorded host, frame after frame.

Whoever reads may do so in a thread: what is handed out is never written in again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hugescope_server.bus import Unseen
from hugescope_server.timeline.fold import Step
from hugescope_wire.archive import Archive, Loss
from hugescope_wire.blocks import decode_block
from hugescope_wire.errors import WireError
from hugescope_wire.frames import Frame, RawFrame
from hugescope_wire.host import HostFrame
from hugescope_wire.picture import HostPicture
from hugescope_wire.recording import Record

NOT_LOOKED_S: Final = 3.0
"""As the server takes it of a live host, where it is not told otherwise."""


class Player:
    """Plays one archive, from the newest whole picture at or before `since_s` on.

    Attributes:
        at_s: when the last frame came that was played; None: none was.
        fault: why nothing more can be read; None: it can.
    """

    def __init__(self, archive: Archive, since_s: float) -> None:
        self._archive: Final = archive
        self._records = archive.records(since_s)
        self._next: Record | None = None
        self._read_up_to = archive.ended_s
        self._picture = HostPicture()
        self._run = 0
        self.at_s: float | None = None
        self.fault: str | None = None

    def steps(self, until_s: float) -> Iterator[Step]:
        """Every frame up to this moment, one at a time."""
        while self.fault is None:
            try:
                record = self._peek(until_s)
                if record is None or record.at_s > until_s:
                    return
                self._next = None
                step = self._step(record)
            except (WireError, OSError) as error:
                self.fault = fault_of(error)
                return
            yield step

    def _peek(self, until_s: float) -> Record | None:
        """The next frame; where a history has grown since it was read to its end, from there."""
        if self._next is None:
            self._next = next(self._records, None)
        grown = self._archive.ended_s > self._read_up_to
        if self._next is None and grown and until_s > self._read_up_to:
            self._read_up_to = self._archive.ended_s
            last_s = self.at_s
            self._records = self._archive.records(last_s)
            for record in self._records:
                if last_s is None or record.at_s > last_s:
                    self._next = record
                    break
        return self._next

    def _step(self, record: Record) -> Step:
        before, since_s, about = self._picture.mappings, self.at_s, self._picture.about
        seq = self._picture.seq + 1
        change = self._picture.apply(frame_of(record.frame, seq))
        self.at_s = record.at_s
        if change.full and about is not None:
            self._run += 1
        now = self._picture
        assert now.about is not None, "a frame was applied"
        return Step(
            at_s=record.at_s,
            run=self._run,
            before=before,
            picture=HostPicture(now.seq, now.about, now.mappings, now.cells),
            change=change,
            faults=now.about.faults,
            unseen=None if since_s is None else self._unseen(about, now.about, since_s),
        )

    def _unseen(self, before: HostFrame | None, now: HostFrame, since_s: float) -> Unseen | None:
        assert self.at_s is not None, "a frame was played"
        assert before is not None, "and one before it"
        loss = _loss_between(self._archive.losses, since_s, self.at_s)
        if loss is not None:
            return Unseen("lost", self.at_s - since_s, loss.why)
        if now.host.boot_id != before.host.boot_id:
            return Unseen("host_restarted", self.at_s - since_s)
        passed_s = now.monotonic_s - before.monotonic_s
        live = before.source.kind == "live"
        return Unseen("not_looked", passed_s) if live and passed_s >= NOT_LOOKED_S else None


def fault_of(error: WireError | OSError) -> str:
    """Why something cannot be read, for people anywhere: without a path of this machine."""
    return error.message if isinstance(error, WireError) else error.strerror or "I/O error"


def frame_of(raw: RawFrame, seq: int) -> Frame:
    """A recorded frame under this number. Its JSON was checked when it was read.

    Raises:
        WireError: `bad_block`.
    """
    blocks = tuple(decode_block(block, 0, with_ages=False)[0] for block in raw.blocks)
    return Frame(raw.kind, seq, raw.meta, blocks)


def _loss_between(losses: tuple[Loss, ...], since_s: float, until_s: float) -> Loss | None:
    """The last loss that begins between two frames."""
    found = [one for one in losses if since_s <= one.since_s < until_s]
    return found[-1] if found else None
