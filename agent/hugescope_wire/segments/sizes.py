"""Whether records unpack to no more than they may, before anybody unpacks them whole.

Deflate makes a thousand bytes of one: a small file could fill any memory. Most records are too
short for that. The others are unpacked once and thrown away, with those before in their segment,
without which they cannot be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hugescope_wire.errors import WireError
from hugescope_wire.segments import deltas, keys
from hugescope_wire.segments.file import Step
from hugescope_wire.segments.head import Kind
from hugescope_wire.segments.streams import Unpacker, may_exceed


def key_fits(payload: bytes) -> str:
    """What is wrong with a key's size; empty: nothing."""
    return _skipped(Unpacker(keys.MOST), payload) if may_exceed(payload, keys.MOST) else ""


class DeltaSizes:
    """Follows the deltas of one segment, from its key on.

    Args:
        step: what stands at a place of the segment's file.
    """

    def __init__(self, step: Callable[[int], Step | None]) -> None:
        self._step = step
        self._unpacker: Unpacker | None = None
        self._since: int | None = None

    def fit(self, at: int, payload: bytes) -> str:
        """What is wrong with the size of the next one, at this byte; empty: nothing."""
        if not may_exceed(payload, deltas.MOST):
            self._since = at if self._since is None else self._since
            return ""
        # Few segments need one.
        unpacker = self._unpacker = self._unpacker or Unpacker(deltas.MOST)
        for before in self._passed(at):
            why = "it changed" if before is None else _skipped(unpacker, before)
            if why:
                return why
        return _skipped(unpacker, payload)

    def _passed(self, until: int) -> Iterator[bytes | None]:
        """The payloads of those that were not unpacked; None: one is no more what it was. They are
        looked for anew: to keep the places of all would take more than most records.
        """
        at, self._since = self._since, None
        while at is not None and at < until:
            step = self._step(at)
            if step is None or step.head is None:
                yield None
                return
            if step.head.kind is Kind.DELTAS:
                yield step.payload
            at = step.next_at


def _skipped(unpacker: Unpacker, payload: bytes) -> str:
    try:
        unpacker.skip(payload)
    except WireError as error:
        return str(error)
    return ""
