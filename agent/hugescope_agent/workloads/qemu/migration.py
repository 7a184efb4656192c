"""One live migration between two QEMUs, in steps: prepare, precopy, switch, finish; or cancel.

The order is what QEMU needs: capabilities at both ends, the address at the destination before the
source migrates, and the switch to post-copy while precopy still runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hugescope_agent.workloads.errors import GuestFailed
from hugescope_agent.workloads.qemu.machine import Machine
from hugescope_agent.workloads.qemu.plan import GuestPlan

CAPABILITIES: Final = ("events", "postcopy-ram")
STEP_WAIT_S: Final = 300.0
_LOOK_EVERY_S: Final = 0.05
_STUCK: Final = ("failed", "cancelled", "postcopy-paused")
"""Words of query-migrate after which it will not go on by itself."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A state of the migration that QEMU told by an event, with QEMU's time since 1970."""

    at_s: float
    end: str
    status: str


class Migration:
    """Moves the guest of `source` to `destination`, both started, as the plan says.

    Every step raises GuestFailed where the migration fails, and when five minutes are not enough
    for it. Where the guest hardly comes to write, precopy may complete by itself; then the steps
    after it return at once.
    """

    def __init__(self, source: Machine, destination: Machine) -> None:
        self.source = source
        self.destination = destination
        self.plan: GuestPlan = source.plan

    def prepare(self) -> None:
        """Say at both ends what kind of migration it will be; the destination then listens."""
        wanted = [{"capability": name, "state": True} for name in CAPABILITIES]
        for machine in (self.source, self.destination):
            machine.execute("migrate-set-capabilities", {"capabilities": wanted})
        # With no downtime allowed precopy does not end by itself while the guest writes.
        self.source.execute(
            "migrate-set-parameters",
            {
                "max-bandwidth": round(self.plan.precopy_bytes_per_s),
                "max-postcopy-bandwidth": round(self.plan.postcopy_bytes_per_s),
                "downtime-limit": 0,
            },
        )
        self.destination.execute("migrate-incoming", {"uri": self._uri})

    def begin(self) -> None:
        """Start precopy; returns at once."""
        self.source.execute("migrate", {"uri": self._uri})

    def precopy(self) -> None:
        """Start precopy, and return when the plan's share of RAM was sent."""
        self.begin()
        still = self.plan.size_bytes * (1 - self.plan.precopied)

        def enough(answer: dict[str, Any]) -> bool:
            ram = answer.get("ram")
            if answer.get("status") != "active" or ram is None:
                return False
            return bool(ram["remaining"] <= still or ram["dirty-sync-count"] > 1)

        self._wait(enough, "precopy to come so far")

    def switch(self) -> None:
        """Switch over to post-copy; returns when the source says that it runs."""
        self.source.execute("migrate-start-postcopy")
        self._wait(lambda answer: answer.get("status") == "postcopy-active", "the switch-over")

    def finish(self) -> None:
        """Wait until both ends say that it is complete."""
        self._wait(lambda answer: answer.get("status") == "completed", "its completion")
        give_up_s = time.monotonic() + STEP_WAIT_S
        while (status := self._status(self.destination)) != "completed":
            if status in _STUCK or time.monotonic() > give_up_s:
                raise GuestFailed(f"the destination does not complete the migration: {status}")
            time.sleep(_LOOK_EVERY_S)

    def run(self) -> None:
        """All of it."""
        self.prepare()
        self.precopy()
        self.switch()
        self.finish()

    def cancel(self) -> None:
        """Give it up in precopy; returns when the source says so. Its guest runs on."""
        self.source.execute("migrate_cancel")
        give_up_s = time.monotonic() + STEP_WAIT_S
        while self._status(self.source) != "cancelled":
            if time.monotonic() > give_up_s:
                raise GuestFailed("the source does not cancel the migration")
            time.sleep(_LOOK_EVERY_S)

    def figures(self) -> dict[str, Any]:
        """What the source answers to query-migrate now."""
        return self.source.execute("query-migrate")

    def moments(self) -> list[Moment]:
        """The states of both ends so far, in order of QEMU's time."""
        found = []
        for end, machine in (("source", self.source), ("destination", self.destination)):
            machine.drain()
            found += [
                Moment(event.at_s, end, event.status)
                for event in machine.events
                if event.name == "MIGRATION" and event.status
            ]
        return sorted(found, key=lambda moment: moment.at_s)

    @property
    def _uri(self) -> str:
        places = self.destination.places
        return f"unix:{places.directory / places.name}.stream"

    def _status(self, machine: Machine) -> str | None:
        status = machine.execute("query-migrate").get("status")
        return status if isinstance(status, str) else None

    def _why_stuck(self, answer: dict[str, Any]) -> str:
        said = [answer.get("error-desc"), self.destination.last_error]
        return ": ".join([f"the migration is {answer['status']}", *filter(None, said)])

    def _wait(self, reached: Callable[[dict[str, Any]], bool], what: str) -> None:
        give_up_s = time.monotonic() + STEP_WAIT_S
        while not reached(answer := self.figures()) and answer.get("status") != "completed":
            if answer.get("status") in _STUCK:
                raise GuestFailed(self._why_stuck(answer))
            if self.destination.ended:
                self.destination.raise_ended()
            if time.monotonic() > give_up_s:
                raise GuestFailed(f"waited {STEP_WAIT_S:.0f} s for {what}")
            time.sleep(_LOOK_EVERY_S)
