"""Limits on what strangers can make this server do: guess, and fill its log."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

MAX_PEERS: Final = 1_000
"""Counted apart; of more, the one that was quiet longest is forgotten."""


class Allowance:
    """So many at once for each peer, and one more each `period_s`.

    Args:
        most: at once.
        period_s: seconds until one more is allowed.
        clock: seconds, monotonic.
    """

    def __init__(self, most: int, period_s: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._period_s = period_s
        self._clock = clock
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, peer: str) -> float:
        """Seconds until this peer may again; 0: now."""
        return max(0.0, (self._owed(peer) + 1 - self._most) * self._period_s)

    def spend(self, peer: str) -> None:
        """One was used."""
        owed = self._owed(peer)
        self._spent[peer] = (owed + 1, self._clock())
        self._spent.move_to_end(peer)
        if len(self._spent) > MAX_PEERS:
            self._spent.popitem(last=False)

    def _owed(self, peer: str) -> float:
        owed, at_s = self._spent.get(peer, (0.0, 0.0))
        return max(0.0, owed - (self._clock() - at_s) / self._period_s)
