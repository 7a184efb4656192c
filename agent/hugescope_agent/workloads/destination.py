"""The receiving side of the post-copy: registered with userfaultfd, and touched as by a guest.

The toucher lives here and the faults are served by the other process: a thread that waits in a
userfault holds Python's global lock, so nothing in this process could serve it.
"""

import random
import time

from hugescope_agent.workloads.errors import WorkloadError
from hugescope_agent.workloads.hugemem import HugeMemory
from hugescope_agent.workloads.pacing import TURN_S, touch_order
from hugescope_agent.workloads.peer import Peer
from hugescope_agent.workloads.plan import PostcopyPlan
from hugescope_agent.workloads.progress import ready_line
from hugescope_agent.workloads.sizes import size_text
from hugescope_agent.workloads.userfault import UFFD_FEATURE_MISSING_HUGETLBFS, Userfaultfd

COMM = "hs-destination"
WANTED_VA = 0x40_0000_0000  # 256 GiB: not the source's, so that nobody mistakes one for the other
VERIFY_BLOCKS = 32  # 64 MiB at 2 MiB a block: some 30 ms


class Destination:
    """Empty memory whose faults the source serves."""

    def __init__(self, plan: PostcopyPlan, peer: Peer) -> None:
        self._plan = plan
        self._peer = peer
        self._random = random.Random(plan.seed)  # noqa: S311 - an order, not a secret
        self._memory = HugeMemory(
            "hs-destination-ram", plan.size_bytes, plan.page_size_bytes, WANTED_VA
        )

    def run(self) -> None:
        """Do what the source says until it says "end"; raises PeerGone when it is gone."""
        plan, memory = self._plan, self._memory
        with _open_userfaultfd() as faults:
            faults.handshake(UFFD_FEATURE_MISSING_HUGETLBFS)
            faults.register_missing(memory.start_va, plan.size_bytes)
            self._peer.tell("serve", faults.fileno(), start_va=memory.start_va)
        # Only the source holds the descriptor now. When it ends the kernel unregisters the
        # memory, and a touch that waits comes back: this process never hangs on a dead source.
        print(ready_line(memory.start_va, plan.size_bytes, plan.page_size_bytes), flush=True)
        while True:
            what = self._peer.listen()["do"]
            if what == "touch":
                self._touch_until_told()
            elif what == "verify":
                self._verify()
                self._peer.tell("verified")
            elif what == "empty":
                memory.punch()
                self._peer.tell("emptied")
            elif what == "end":
                return

    def _touch_until_told(self) -> None:
        """Touch pages at the plan's rate until the next message is there."""
        rate = self._plan.touch_per_s
        if not rate:
            return
        page_size = self._plan.page_size_bytes
        next_at_s = time.monotonic()
        for page in touch_order(self._plan.pages, self._random):
            while (wait_s := next_at_s - time.monotonic()) > 0:
                if self._peer.has_message(min(wait_s, TURN_S)):
                    return
            if self._peer.has_message(0):
                return
            self._memory.touch(page * page_size + self._random.randrange(page_size))
            # After a long wait it goes on at its rate and does not catch up in a burst.
            next_at_s = max(next_at_s + 1 / rate, time.monotonic())

    def _verify(self) -> None:
        block = self._memory.block_bytes
        blocks = self._plan.size_bytes // block
        for index in self._random.sample(range(blocks), min(VERIFY_BLOCKS, blocks)):
            if not self._memory.block_matches(index * block, self._plan.seed):
                raise WorkloadError(
                    f"the {size_text(block)} at {self._memory.start_va + index * block:#x}"
                    " do not hold what the source sent"
                )


def _open_userfaultfd() -> Userfaultfd:
    """One that serves every fault; without the right to that, one for faults in user mode only."""
    try:
        return Userfaultfd.open()
    except PermissionError:
        return Userfaultfd.open(user_mode_only=True)  # touches here are all in user mode
