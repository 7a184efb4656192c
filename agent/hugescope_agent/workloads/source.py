"""The migrating side of the post-copy: holds the pages, serves the destination's faults, sweeps."""

import math
import select
import time
from collections.abc import Sequence

from hugescope_agent.workloads.hugemem import HugeMemory
from hugescope_agent.workloads.pacing import PageLedger, RoundCopier
from hugescope_agent.workloads.peer import Peer, PeerGone
from hugescope_agent.workloads.plan import PostcopyPlan
from hugescope_agent.workloads.progress import Phase, Progress, progress_line, ready_line
from hugescope_agent.workloads.userfault import Userfaultfd

COMM = "hs-source"
WANTED_VA = 0x20_0000_0000  # 128 GiB: below what mmap and brk choose, within a 39-bit address space
REPORT_EVERY_S = 0.1


class Stream:
    """What a round acts on: our memory, the destination's, and its faults."""

    def __init__(
        self, memory: HugeMemory, faults: Userfaultfd, destination_va: int, peer: Peer
    ) -> None:
        self._memory = memory
        self._faults = faults
        self._destination_va = destination_va
        self._peer = peer
        self._poll = select.poll()
        self._poll.register(faults, select.POLLIN)
        self._poll.register(peer, select.POLLIN)

    def faulting_pages(self) -> Sequence[int]:
        """Pages of the destination that a touch waits for."""
        size = self._memory.page_size_bytes
        return [
            (fault.address - self._destination_va) // size for fault in self._faults.read_faults()
        ]

    def copy_page(self, page: int) -> None:
        """Copy one page over, or wake its waiters where it is present."""
        size = self._memory.page_size_bytes
        target_va = self._destination_va + page * size
        source_va = self._memory.start_va + page * size
        try:
            if self._faults.copy(target_va, source_va, size).met_present:
                self._faults.wake(target_va, size)
        except ProcessLookupError:
            raise PeerGone from None

    def wait(self, timeout_s: float) -> None:
        """Sleep until a fault comes; raises PeerGone when the destination ends."""
        for descriptor, _ in self._poll.poll(math.ceil(timeout_s * 1000)):
            if descriptor == self._peer.fileno():
                raise PeerGone  # it has nothing to say while pages are copied

    def now_s(self) -> float:
        """The monotonic clock."""
        return time.monotonic()


class Source:
    """The memory to migrate, and the rounds in which that happens."""

    def __init__(self, plan: PostcopyPlan, peer: Peer) -> None:
        self._plan = plan
        self._peer = peer
        self._memory = HugeMemory("hs-source-ram", plan.size_bytes, plan.page_size_bytes, WANTED_VA)
        self._round = 0
        self._reported_at_s = 0.0

    def run(self) -> None:
        """All rounds of the plan; raises PeerGone when the destination ends."""
        plan = self._plan
        print(ready_line(self._memory.start_va, plan.size_bytes, plan.page_size_bytes), flush=True)
        self._say(Phase.FILLING, PageLedger(plan.pages))
        self._memory.fill(plan.seed)
        message, descriptor = self._peer.listen_for_descriptor()
        with Userfaultfd(descriptor) as faults:
            stream = Stream(self._memory, faults, int(message["start_va"]), self._peer)
            while True:
                self._round += 1
                self._one_round(stream)
                if self._round == plan.rounds:
                    self._peer.tell("end")
                    return
                self._peer.tell("empty")
                self._peer.listen_for("emptied")

    def _one_round(self, stream: Stream) -> None:
        plan, ledger = self._plan, PageLedger(self._plan.pages)
        self._say(Phase.COPYING, ledger)
        self._peer.tell("touch")
        RoundCopier(
            stream, ledger, plan.page_size_bytes, plan.sweep_bytes_per_s, self._say_now_and_then
        ).run()
        self._peer.tell("verify")
        self._peer.listen_for("verified")
        self._say(Phase.DONE, ledger)
        self._say(Phase.PAUSED, ledger)
        if self._peer.has_message(plan.pause_s):
            raise PeerGone  # it has nothing to say now, so this is its end

    def _say_now_and_then(self, ledger: PageLedger) -> None:
        if time.monotonic() - self._reported_at_s >= REPORT_EVERY_S:
            self._say(Phase.COPYING, ledger)

    def _say(self, phase: Phase, ledger: PageLedger) -> None:
        counts = (ledger.pages, ledger.present, ledger.demanded, ledger.swept)
        print(progress_line(Progress(self._round, phase, *counts)), flush=True)
        self._reported_at_s = time.monotonic()
