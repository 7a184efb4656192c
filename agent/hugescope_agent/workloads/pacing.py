"""The order and the pace of a post-copy: pure bookkeeping, the clock is passed in."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

BURST_S = 0.25  # how late the loop may run and still hold its rate
LONGEST_RUN_PAGES = 8  # of neighbours that a guest's access walks through before it jumps
TURN_S = 0.1  # the longest wait of an idle loop, so that progress is reported in time


class TokenBucket:
    """Lets ``rate_per_s`` units a second through, in portions of ``portion`` units.

    It starts empty: the first portion comes after ``portion / rate_per_s`` seconds. It saves up
    at most a quarter second's worth, and never less than two portions.
    """

    def __init__(self, rate_per_s: float, portion: float, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._portion = portion
        self._capacity = max(2 * portion, BURST_S * rate_per_s)
        self._level = 0.0
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        """Take one portion if there is one."""
        self._refill(now_s)
        if self._level < self._portion:
            return False
        self._level -= self._portion
        return True

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next portion is there; 0 if it is."""
        self._refill(now_s)
        return max(0.0, self._portion - self._level) / self._rate_per_s

    def _refill(self, now_s: float) -> None:
        earned = (now_s - self._at_s) * self._rate_per_s
        self._level = min(self._capacity, self._level + max(0.0, earned))
        self._at_s = now_s


class PageLedger:
    """Which pages of the destination are present, and whether demand or the sweep brought them."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.demanded = 0
        self.swept = 0
        self._present = bytearray(pages)
        self._cursor = 0

    @property
    def present(self) -> int:
        """Pages that are present."""
        return self.demanded + self.swept

    @property
    def complete(self) -> bool:
        """Whether every page is present."""
        return self.present == self.pages

    def is_present(self, page: int) -> bool:
        """Whether this page is present."""
        return bool(self._present[page])

    def next_missing(self) -> int | None:
        """The lowest page that is not present; None when all are."""
        self._cursor = self._present.find(0, self._cursor)
        if self._cursor < 0:
            self._cursor = self.pages
            return None
        return self._cursor

    def mark_demanded(self, page: int) -> None:
        """A fault brought this page; counted once."""
        self.demanded += not self._present[page]
        self._present[page] = 1

    def mark_swept(self, page: int) -> None:
        """The sweep brought this page; counted once."""
        self.swept += not self._present[page]
        self._present[page] = 1


class Ends(Protocol):
    """What :class:`RoundCopier` acts on: the two memories, the faults and the clock."""

    def faulting_pages(self) -> Sequence[int]:
        """Pages whose touch is waiting now; never waits itself."""

    def copy_page(self, page: int) -> None:
        """Put the page in place and wake who waits for it; fine if it is there already."""

    def wait(self, timeout_s: float) -> None:
        """Wait until a fault comes, at most so long."""

    def now_s(self) -> float:
        """A monotonic clock."""


class RoundCopier:
    """Copies every page once: what is demanded at once, the rest in order at the sweep's rate."""

    def __init__(
        self,
        ends: Ends,
        ledger: PageLedger,
        page_size_bytes: int,
        sweep_bytes_per_s: float,
        report: Callable[[PageLedger], None],
    ) -> None:
        self._ends = ends
        self._ledger = ledger
        self._report = report
        self._bucket = TokenBucket(sweep_bytes_per_s, page_size_bytes, ends.now_s())

    def run(self) -> None:
        """Return when every page is present. Looks for faults before each page of the sweep."""
        while not self._ledger.complete:
            if not self._serve_faults():
                self._sweep_or_wait()
            self._report(self._ledger)

    def _serve_faults(self) -> bool:
        pages = self._ends.faulting_pages()
        for page in pages:
            # Also where it is present: its touch may have waited before the sweep got there.
            self._ends.copy_page(page)
            self._ledger.mark_demanded(page)
        return bool(pages)

    def _sweep_or_wait(self) -> None:
        now_s = self._ends.now_s()
        page = self._ledger.next_missing()
        if page is not None and self._bucket.take(now_s):
            self._ends.copy_page(page)
            self._ledger.mark_swept(page)
        else:
            self._ends.wait(min(self._bucket.wait_s(now_s), TURN_S))


def touch_order(pages: int, generator: random.Random) -> Iterator[int]:
    """Every page once, as a guest touches memory: short runs of neighbours, scattered."""
    starts, at = [], 0
    while at < pages:
        starts.append(at)
        at += generator.randint(1, LONGEST_RUN_PAGES)
    ends = [*starts[1:], pages]
    runs = list(zip(starts, ends, strict=True))
    generator.shuffle(runs)
    for start, end in runs:
        yield from range(start, end)
