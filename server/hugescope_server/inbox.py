"""What a viewer sends, no faster than it may: messages in, messages to act on out, the time passed
in. No I/O.

A message that comes while there is room goes on at once. Beyond that only the latest of each kind
waits for room, for each takes the place of the one before: a hand that drags gets the end of its
way, and no more work than others. Who goes on like this for long is refused. Acks of frames that
were sent are paced by the server's own credit and are not counted.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from hugescope_wire.errors import WireError
from hugescope_wire.messages import Ack, Follow, Subscribe, Unsubscribe
from hugescope_wire.migration import FollowMigration
from hugescope_wire.travel import Travel

Message: TypeAlias = Subscribe | Unsubscribe | Follow | FollowMigration | Travel | Ack

TOO_MANY: Final = "too_many_messages"
MOST_OVER_S: Final = 60.0
"""Of messages at the full rate, folded away before a viewer that never rests is refused."""

_SLOTS: Final = {"unsubscribe": "subscribe"}
"""These two take each other's place."""


class Inbox:
    """One viewer's messages.

    Args:
        rate_hz: messages a second; as many may come at once after a rest.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._room = rate_hz
        self._at = 0.0
        self._waiting: dict[str, Message] = {}
        self._folded = 0

    def put(self, message: Message, now: float, *, paced: bool = False) -> list[Message]:
        """What to act on now; `paced` messages are not counted.

        Raises:
            WireError: `too_many_messages`.
        """
        if paced:
            return [message]
        self._refill(now)
        slot = _SLOTS.get(message.type, message.type)
        if not self._waiting and self._room >= 1:
            self._room -= 1
            return [message]
        if self._waiting.pop(slot, None) is not None:
            self._folded += 1
            if self._folded > MOST_OVER_S * self._rate_hz:
                raise WireError(
                    TOO_MANY, f"more than {self._rate_hz:g} messages a second, and no end of it"
                )
        self._waiting[slot] = message
        return self.due(now)

    def due(self, now: float) -> list[Message]:
        """What waited and may be acted on now, in the order of coming."""
        self._refill(now)
        if not self._waiting or self._room < 1:
            return []
        self._room -= 1
        out = list(self._waiting.values())
        self._waiting.clear()
        return out

    def wait_s(self) -> float | None:
        """Seconds until something that waits is due; None where nothing waits."""
        if not self._waiting:
            return None
        return max(0.0, (1 - self._room) / self._rate_hz)

    def _refill(self, now: float) -> None:
        self._room = min(self._rate_hz, self._room + (now - self._at) * self._rate_hz)
        self._at = now
        if self._room >= self._rate_hz:
            self._folded = 0
