"""Which records can be read, one after the other, and of which times none can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from hugescope_wire.errors import WireError
from hugescope_wire.segments.file import SegmentFile, Step, Window
from hugescope_wire.segments.head import MAGIC, Head, Kind
from hugescope_wire.segments.sizes import DeltaSizes, key_fits
from hugescope_wire.segments.writer import gap_of

NOT_ENDED: Final = "it was not ended in order: up to a second after this may be missing"


@dataclass(frozen=True, slots=True)
class Good:
    """A key or deltas that follow what was good before, or begin anew.

    Attributes:
        begins: a key that has to be read: what came before does not lead to it.
    """

    head: Head
    payload: bytes
    begins: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """A time of which nothing can be read, in microseconds since 1970; `until_us` None: to the end
    of what was recorded.
    """

    since_us: int
    until_us: int | None
    why: str


class Follower:
    """Goes from record to record, over one file or several.

    Args:
        file: where to begin, at byte `at`: a key, or the beginning of the file.
        following: the file after this one, if there is one.
        growing: what is cut off at the very end is not yet written.
    """

    def __init__(
        self,
        file: SegmentFile,
        following: Callable[[SegmentFile], SegmentFile | None],
        *,
        growing: bool,
        at: int = len(MAGIC),
    ) -> None:
        self._file = file
        self._window = Window(file.source)
        self._at = at
        self._following = following
        self._growing = growing
        self._sizes = DeltaSizes(self._file.step)
        self._chain: int | None = None
        self._whole = False
        self._good_us: int | None = None
        self._why: str | None = None
        self._ended = False
        self._over = False

    def read_on(self) -> Iterator[Good | Lost]:
        """What comes next, up to the present end; more may come later while it grows."""
        while not self._over:
            step = self._step()
            at_end = step is None or step.next_at >= self._window.size_bytes
            following = self._following(self._file) if at_end else None
            if step is None and following is not None:
                self._file, self._at = following, len(MAGIC)
                self._window = Window(following.source)
            elif self._growing and following is None and (step is None or (at_end and step.why)):
                return
            elif step is None:
                self._over = True
                yield from self._end()
            else:
                yield from self._take(step)
                self._at = step.next_at

    def _step(self) -> Step | None:
        step = self._file.step(self._at, self._window)
        if step is None or step.why:
            # It may have grown since its length was asked.
            self._window.look()
            step = self._file.step(self._at, self._window)
        return step

    def _take(self, step: Step) -> Iterator[Good | Lost]:
        head = step.head
        if head is None:
            self._break(step.why)
            return
        if self._good_us is None:
            self._good_us = head.first_us
        linked = self._chain == head.before
        self._chain = head.own_sum
        if self._whole and head.kind is Kind.KEY and head.continues and linked:
            # It says what is known already: even a damaged one costs nothing.
            self._sizes = DeltaSizes(self._file.step)
            yield Good(head, b"", begins=False)
        elif step.payload is None:
            self._break(step.why)
        elif head.kind is Kind.KEY:
            if self._whole and not linked:
                self._break(f"{self._file.prefix}records before byte {step.at} are missing")
            yield from self._begin(step, head, step.payload)
        elif head.kind is Kind.GAP:
            yield from self._gap(step, step.payload, linked)
        elif not linked:
            self._break(f"{self._file.prefix}records before byte {step.at} are missing")
        elif self._whole and head.kind is Kind.DELTAS:
            if why := self._sizes.fit(step.at, step.payload):
                self._break_at(step, why)
                return
            self._good_us = head.last_us
            yield Good(head, step.payload, begins=False)
        elif self._whole:
            self._ended = True

    def _begin(self, step: Step, head: Head, payload: bytes) -> Iterator[Good | Lost]:
        if why := key_fits(payload):
            self._break_at(step, why)
            return
        self._sizes = DeltaSizes(self._file.step)
        if self._why is not None:
            yield self._lost(head.last_us)
        self._whole, self._good_us = True, head.last_us
        yield Good(head, payload, begins=True)

    def _gap(self, step: Step, payload: bytes, linked: bool) -> Iterator[Lost]:
        """Told by whoever wrote; a record that was cut off before it is a part of the same. What
        follows may still tell what changed since what was good before.
        """
        try:
            since_us, until_us, why = gap_of(payload)
        except WireError as error:
            self._break_at(step, str(error))
            return
        if self._why is not None:
            since_us = min(since_us, self._good_us or since_us)
        self._whole, self._why, self._good_us = self._whole and linked, None, until_us
        yield Lost(since_us, until_us, why)

    def _break_at(self, step: Step, why: str) -> None:
        self._break(f"{self._file.prefix}record at byte {step.at}: {why}")

    def _break(self, why: str) -> None:
        self._whole = False
        if self._why is None:
            self._why = why

    def _lost(self, until_us: int | None) -> Lost:
        assert self._why is not None, "nothing is lost"
        lost = Lost(self._good_us or 0, until_us, self._why)
        self._why = None
        return lost

    def _end(self) -> Iterator[Lost]:
        if self._whole and not self._ended:
            self._break(NOT_ENDED)
        if self._why is not None:
            yield self._lost(None)
