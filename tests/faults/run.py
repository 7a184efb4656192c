"""One run: fault after fault, and after each what the viewer sees against what the kernel has."""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.faults import kinds, unseen
from tests.faults.restless import Restless
from tests.faults.stand import HOST_ID, Stand, stand
from tests.faults.truth import Place, Truth, difference_of_cells, facts_of, read_truth
from tests.faults.watcher import Watcher

Rounds = Sequence[tuple[str, ...]]
"""The faults of each."""

GIVE_UP_S: Final = 60.0
"""Beyond the bound for settling: then nothing will come."""

AHEAD_S: Final = 0.5
"""A late frame's time is known as well as the fastest frame of the last half minute was fast."""

LOOK_S: Final = 0.02
CELLS_S: Final = 3.0
"""For the cells of one mapping to become right, before everything is read and asked for anew."""

POINT_S: Final = 5.0
"""For the next point of the timeline to reach the viewer."""


@dataclass(frozen=True)
class Bounds:
    """What may be.

    Attributes:
        settle_s: from a fault's end until the viewer sees what the kernel has.
        limit_s: of a time that is neither known nor told.
        lag_s: by so much the sum of a point may be older than its time: a look has the time of its
            end, and one that takes longer than three seconds is told as a gap; new processes are
            found within a second.
        longest_s: of a fault.
    """

    settle_s: float = 15.0
    limit_s: float = 4.0
    lag_s: float = 4.0
    longest_s: float = 12.0


@dataclass
class Findings:
    """What a run found; `figures` is its JSON object."""

    bounds: Bounds
    seed: int
    by_kind: Counter[str] = field(default_factory=Counter)
    settled_s: list[float] = field(default_factory=list)
    slowest: tuple[str, ...] = ()
    not_settled: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    points: int = 0
    wrong_points: list[str] = field(default_factory=list)
    gaps: Counter[str] = field(default_factory=Counter)
    changes: int = 0
    tracebacks: int = 0
    took_s: float = 0.0

    @property
    def good(self) -> bool:
        """Whether all bounds were kept."""
        return not (self.not_settled or self.unseen or self.wrong_points or self.tracebacks)

    def figures(self) -> dict[str, Any]:
        """Seconds and numbers."""
        return {
            "faults": len(self.settled_s),
            "by_kind": dict(sorted(self.by_kind.items())),
            "changes_underneath": self.changes,
            "max_settle_s": round(max(self.settled_s, default=0.0), 2),
            "p50_settle_s": round(statistics.median(self.settled_s or [0.0]), 2),
            "slowest": "+".join(self.slowest),
            "not_settled": len(self.not_settled),
            "unseen_gaps": len(self.unseen),
            "gaps_told": dict(sorted(self.gaps.items())),
            "points": self.points,
            "wrong_points": len(self.wrong_points),
            "tracebacks": self.tracebacks,
            "took_s": round(self.took_s),
            "seed": self.seed,
        }


class Run:
    """The stand, what changes on it, and two viewers: one stays with one mapping, the other goes
    round all of them.
    """

    def __init__(self, at: Stand, restless: Restless, rng: random.Random, found: Findings) -> None:
        self._at, self._restless, self._rng, self._found = at, restless, rng, found
        self.staying, self.roaming = (
            Watcher(at.view.url, HOST_ID, lambda: at.viewer_token) for _ in range(2)
        )
        self._checked_s = time.monotonic()

    async def first(self) -> None:
        """Until the viewers see the host for the first time; how long a start takes is not judged.

        Raises:
            AssertionError: they never did.
        """
        async with self._restless.turn:
            await self._agree(time.monotonic())
        if self._found.settled_s.pop() > self._found.bounds.settle_s + GIVE_UP_S:
            raise AssertionError(f"before any fault: {self._found.not_settled}")
        self._found.not_settled.clear()
        self._checked_s = time.monotonic()

    async def round(self, number: int, faults: tuple[str, ...]) -> None:
        """One fault, or two at once, and what came of it."""
        await asyncio.sleep(self._rng.uniform(0.1, 0.6))
        await kinds.inflict(faults, self._at, self._rng, self._found.bounds.longest_s)
        ended_s = time.monotonic()
        async with self._restless.turn:
            wrong = await self._agree(ended_s)
            await self._point_after(ended_s)
            wrong_points = self._judge_times(faults)
        self._found.by_kind.update(faults)
        settled_s = self._found.settled_s[-1]
        if settled_s == max(self._found.settled_s):
            self._found.slowest = faults
        line = f"{number:4} {'+'.join(faults):32} settled {settled_s:5.2f} s"
        problems = [*([wrong] if wrong else []), *wrong_points]
        print("; ".join([line, *problems]), file=sys.stderr, flush=True)

    async def _agree(self, since_s: float) -> str | None:
        """Wait until both viewers see what the kernel has; what is wrong where they do not."""
        bounds = self._found.bounds
        while True:
            truth = await asyncio.to_thread(read_truth)
            wrong = await self._difference(truth)
            took_s = time.monotonic() - since_s
            if wrong is None or took_s > bounds.settle_s + GIVE_UP_S:
                break
            await asyncio.sleep(LOOK_S)
        self._found.settled_s.append(took_s)
        if wrong is None and took_s <= bounds.settle_s:
            return None
        wrong = f"settled after {took_s:.1f} s" if wrong is None else f"never settled: {wrong}"
        self._found.not_settled.append(wrong)
        return wrong

    async def _difference(self, truth: Truth) -> str | None:
        """The first thing that a viewer shows otherwise, in words."""
        ended = self._at.ended()
        if ended is not None:
            return ended
        first = min(truth.facts, default=None)
        if first is not None:
            await self.staying.look_at(first)
        for viewer in (self.staying, self.roaming):
            if viewer.error is not None:
                raise AssertionError("the server sent what no server may") from viewer.error
            host = viewer.host
            if host is None:
                return "the host is not shown"
            if host.link != "live":
                return f"the host is shown as {host.link}"
            if facts_of(host) != truth.facts:
                return f"mappings are {truth.facts}, shown {facts_of(host)}"
        for place in truth.cells:
            viewer = self.staying if place == first else self.roaming
            await viewer.look_at(place)
            wrong = await self._difference_of(viewer, place, truth)
            if wrong is not None:
                return wrong
        return None

    async def _difference_of(self, viewer: Watcher, place: Place, truth: Truth) -> str | None:
        until_s = time.monotonic() + CELLS_S
        while True:
            wrong = difference_of_cells(place, truth.cells[place], viewer.cells(place))
            if wrong is None or time.monotonic() > until_s:
                return wrong
            await asyncio.sleep(LOOK_S)

    async def _point_after(self, at_s: float) -> None:
        until_s = time.monotonic() + POINT_S + self._found.bounds.settle_s
        while max(self.staying.points, default=0.0) <= at_s:
            if time.monotonic() > until_s:
                return
            await asyncio.sleep(LOOK_S)

    def _judge_times(self, faults: tuple[str, ...]) -> list[str]:
        """What passed unseen since the last time that was judged."""
        viewer, limit_s, since_s = self.staying, self._found.bounds.limit_s, self._checked_s
        new = sorted(at_s for at_s in viewer.points if at_s > since_s)
        self._checked_s = new[-1] if new else time.monotonic()
        gaps = [gap for gap in viewer.gaps if gap.until_s >= since_s - limit_s]
        agent_anew = "kill_agent" in faults
        server_anew = bool({"kill_server", "lost_disk"} & set(faults))
        untold = unseen.restarts_untold(agent_anew, server_anew, gaps, since_s)
        problems = [f"no gap says {reason}" for reason in untold]
        if server_anew:
            since_s = max(since_s, self._at.killed_at_s)
            if agent_anew:
                since_s = next((at_s for at_s in new if at_s > since_s), self._checked_s)
        missing = unseen.stretches(new, gaps, since_s, self._checked_s, limit_s)
        problems += [f"{end - begin:.1f} s unseen and untold" for begin, end in missing]
        self._found.unseen += problems
        self._found.gaps.update(gap.reason for gap in gaps if gap.until_s >= since_s)
        wrong = [text for at_s in new if (text := self._wrong_point(at_s)) is not None]
        self._found.points += len(new)
        self._found.wrong_points += wrong
        return [*problems, *wrong]

    def _wrong_point(self, at_s: float) -> str | None:
        shown = self.staying.points[at_s]
        lag_s = self._found.bounds.lag_s
        least, most = self._restless.range_in(at_s - lag_s, at_s + AHEAD_S)
        if unseen.is_true(shown, least, most):
            return None
        ago_s = time.monotonic() - at_s
        return (
            f"the point {ago_s:.1f} s ago says {shown >> 21} pages, "
            f"true was {least >> 21} to {most >> 21}"
        )


@asynccontextmanager
async def running(*works: Any) -> AsyncIterator[None]:
    """Coroutines that run until the block ends; one that fails before ends the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def run(rounds: Rounds, seed: int, bounds: Bounds, scratch: Path) -> Findings:
    """All of them; prints a line for each on stderr."""
    rng, found, began_s = random.Random(seed + 2), Findings(bounds, seed), time.monotonic()
    async with AsyncExitStack() as stack:
        at = await stack.enter_async_context(stand(scratch))
        restless = Restless(random.Random(seed + 1))
        stack.callback(restless.close)
        run_ = Run(at, restless, rng, found)
        works = (restless.run(), run_.staying.run(), run_.roaming.run())
        await stack.enter_async_context(running(*works))
        await run_.first()
        for number, round_ in enumerate(rounds, 1):
            await run_.round(number, round_)
        found.changes, found.tracebacks = restless.changes, at.tracebacks()
    found.took_s = time.monotonic() - began_s
    return found
