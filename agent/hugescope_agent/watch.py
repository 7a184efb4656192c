"""One process under watch: its open pagemap and its mappings, kept while both last."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from hugescope_agent.errors import BadCapture, ProcessError
from hugescope_agent.kernel.cmdline import arguments, cgroup
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.memory_failure import hardware_corrupted_bytes
from hugescope_agent.kernel.pagemap import Pagemap
from hugescope_agent.kernel.process import comm, read_smaps, start_ticks
from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.captured import not_captured
from hugescope_agent.model.guestram import guest_ram
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.vm import Told, tell
from hugescope_wire.host import ProcessInfo
from hugescope_wire.vm import QmpReading

log = logging.getLogger(__name__)

SMAPS_EVERY_S: Final = 5.0
"""VmFlags change seldom, and smaps stalls its process."""

_SMAPS_SOONEST_S: Final = 1.0
"""Not even a process that maps and unmaps all the time is looked at more often."""

_SMAPS_DUTY: Final = 0.01
"""Most of the time that may go into smaps of one process: after 27 ms none for 2.7 s and more."""

_ASKED_SETTLE_S: Final = 0.05
"""From the creation of a userfaultfd until memory is registered with it, by far."""

_ASKED_AGAIN_S: Final = 1.0
_REGISTERED: Final = frozenset(("um", "uw", "ui"))


@dataclass(slots=True)
class Watch:
    """A process that maps huge pages.

    Attributes:
        said: what its command line tells.
        qmp: what QEMU says of itself, where it is asked.
        asked: how often smaps is to be read soon, from `asked_due_s` on.
    """

    files: HostFiles
    pid: int
    started: int | None
    pagemap: Pagemap
    comm: str | None = None
    said: Told | None = None
    mappings: list[TrackedMapping] = field(default_factory=list)
    smaps_due_s: float = 0.0
    smaps_soonest_s: float = 0.0
    qmp: QmpReading | None = None
    asked: int = 0
    asked_due_s: float = 0.0

    @classmethod
    def open(cls, files: HostFiles, pid: int) -> Watch:
        """Start watching; finds no mappings yet.

        Raises:
            ProcessError: by the kernel's answer.
        """
        started = start_ticks(files.root, pid)
        return cls(files, pid, started, Pagemap(files.root, pid))

    def close(self) -> None:
        """Close the pagemap."""
        self.pagemap.close()

    def replaced(self) -> bool:
        """Whether the pid belongs to another process by now."""
        return start_ticks(self.files.root, self.pid) != self.started

    def update(self, vmas: list[HugeVma], ids: Iterator[int], now_s: float) -> bool:
        """Take the VMAs found now; those still there keep their cells. Whether anything changed."""
        old = {mapping.vma: mapping for mapping in self.mappings}
        name = comm(self.files.root, self.pid)
        same_vmas = [mapping.vma for mapping in self.mappings] == vmas
        if self.said is None or name != self.comm:
            # The command line is another when the process executed another program.
            self.comm, self.said = name, tell_of(self.files.root, self.pid, name)
        elif same_vmas:
            return self.refresh_smaps(now_s)
        self.mappings = [
            old[vma] if vma in old else TrackedMapping(next(ids), vma, None) for vma in vmas
        ]
        ram = guest_ram(self.said.ram, vmas)
        for mapping in self.mappings:
            mapping.guest = ram.get(mapping.vma)
        if not same_vmas:
            self.smaps_due_s = min(self.smaps_due_s, self.smaps_soonest_s)
            self.refresh_smaps(now_s)
        return True

    @property
    def registered(self) -> frozenset[str]:
        """How its hugetlb mappings are registered with a userfaultfd: um, uw, ui of VmFlags."""
        read = [mapping.smaps for mapping in self.mappings if mapping.smaps is not None]
        return _REGISTERED.intersection(flag for smaps in read for flag in smaps.vm_flags)

    def ask_smaps(self, now_s: float, times: int) -> None:
        """VmFlags are about to change, or just did: read them in a moment, and again until that
        shows a change, so often in all; asked for all the time, still once a second at most.
        """
        if not self.asked:
            self.asked_due_s = max(self.asked_due_s, now_s + _ASKED_SETTLE_S)
        self.asked = times

    def answer_smaps(self, now_s: float) -> bool:
        """Read smaps if that was asked for and is due; whether VmFlags or levels changed."""
        if not self.asked or now_s < self.asked_due_s:
            return False
        before = self.registered
        self.smaps_due_s = now_s
        changed = self.refresh_smaps(now_s)
        self.asked_due_s = now_s + _ASKED_AGAIN_S
        self.asked = 0 if self.registered != before else self.asked - 1
        return changed

    def refresh_smaps(self, now_s: float) -> bool:
        """Read smaps where it is due; whether VmFlags or levels changed."""
        if now_s < self.smaps_due_s:
            return False
        begin_s = time.thread_time()
        entries: dict[tuple[int, int], SmapsVma] = {}
        try:
            end = max((mapping.vma.end for mapping in self.mappings), default=0)
            found = read_smaps(self.files.root, self.pid, end)
            entries = {(entry.vma.start, entry.vma.end): entry for entry in found}
        except (ProcessError, BadCapture) as error:
            # VmFlags become null, which says that they could not be read.
            log.info("process %d: no VmFlags: %s", self.pid, error)
        pause_s = (time.thread_time() - begin_s) / _SMAPS_DUTY
        self.smaps_soonest_s = now_s + max(_SMAPS_SOONEST_S, pause_s)
        self.smaps_due_s = now_s + max(SMAPS_EVERY_S, pause_s)
        changed = False
        for mapping in self.mappings:
            entry = entries.get((mapping.vma.start, mapping.vma.end))
            changed |= entry != mapping.smaps
            mapping.take_smaps(entry, still=not self.files.root.live)
        return self._judge_capture() or changed

    def _judge_capture(self) -> bool:
        """See which mappings a captured pagemap holds; whether what is told of one changed."""
        if self.files.root.live or self.pagemap.is_captured_scan:
            return False
        held = [self.pagemap.held(m.vma.start, m.vma.end) for m in self.mappings]
        smaps = [mapping.smaps for mapping in self.mappings]
        found = not_captured(held, smaps, hardware_corrupted_bytes(self.files.root))
        changed = any(found)
        for mapping, uncaptured in zip(self.mappings, found, strict=True):
            changed |= mapping.uncaptured != uncaptured
            mapping.uncaptured = uncaptured
        return changed

    def info(self) -> ProcessInfo:
        """What travels of it beside the cells."""
        return ProcessInfo(
            pid=self.pid,
            comm=self.comm,
            name=None if self.said is None else self.said.name,
            vm=None if self.said is None else self.said.vm,
            qmp=self.qmp,
            mappings=[mapping.info() for mapping in self.mappings],
        )


def tell_of(root: Root, pid: int, name: str | None) -> Told:
    """What the command line of the process of this comm tells."""
    return tell(name, arguments(root, pid), lambda: cgroup(root, pid))
