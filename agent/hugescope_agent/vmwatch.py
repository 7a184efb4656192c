"""What is watched of virtual machines beside their cells: whether their memory is registered with
userfaultfd, what QEMU says of a migration, and the faults of a guest in a post-copy.

Where no process is a virtual machine it costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from hugescope_agent.faultwatch import FaultWatch, Ranges
from hugescope_agent.kernel import perf
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.qmpwatch import QmpState, QmpWatch
from hugescope_agent.registrations import Registrations
from hugescope_agent.watch import Watch
from hugescope_wire.host import Limit
from hugescope_wire.vm import Faults, QmpReading, Vm

_BY_FAULT: Final = frozenset(("um", "ui"))
"""Registered so that a missing page waits for whoever brings it: the destination of a post-copy."""

_STILL_S: Final = 300.0
"""A precopy that goes over pages again, or over pages of 1 GiB, may show no change for so long."""

_NEARLY_EMPTY: Final = 8
"""Memory that waits for a migration holds less than one part in so many."""

_KVM: Final = "KVM runs its guest: the kernel looks its pages up for it, and counts no fault"


class VmWatch:
    """Of one host. Not for several threads at once."""

    def __init__(self, files: HostFiles, sockets: Iterable[str]) -> None:
        self._qmp = [QmpWatch(path) for path in dict.fromkeys(sockets)]
        for one in self._qmp:
            one.start()
        self._faults = FaultWatch(files.root)
        self.use(files)

    def use(self, files: HostFiles) -> None:
        """Read from this root from now on."""
        self._live = files.root.live
        self._own_pids = files.root.has_own_pids()
        self._listens = self._live and files.no_faults is None
        self._registrations = Registrations(files.root)
        self._faults.close()
        self._faults = FaultWatch(files.root)
        self._done: set[int] = set()
        self._machines: dict[int, Watch] = {}
        self._moved: dict[int, tuple[int, float]] = {}
        self._of_kvm: set[int] = set()

    def close(self) -> None:
        """Stop listening and asking."""
        self._faults.close()
        for one in self._qmp:
            one.stop()

    def look(self, watches: Mapping[int, Watch], now_s: float) -> set[int]:
        """Bring it up to date, before cells are looked at; which processes are told otherwise than
        before.
        """
        if not self._live:
            return set()
        self._machines = {pid: watch for pid, watch in watches.items() if machine(watch)}
        self._registrations.look(self._machines, now_s)
        changed = {pid for pid, one in self._machines.items() if one.answer_smaps(now_s)}
        for pid, reading in self._readings().items():
            if self._machines[pid].qmp is not reading:
                self._machines[pid].qmp = reading
                changed.add(pid)
        return changed

    def faults(self, now_s: float) -> Faults | None:
        """Faults since the last call, after cells were looked at: so none is told later than the
        page that it brought. None: nothing new.
        """
        self._of_kvm.clear()
        if not self._listens or (self._faults.idle and not self._machines):
            return None
        told, kept = dict[int, float | None](), set[int]()
        self._done.intersection_update(self._machines)
        self._moved = {pid: one for pid, one in self._moved.items() if pid in self._machines}
        for pid, watch in self._machines.items():
            held = self._registrations.held(pid)
            registered = bool(_BY_FAULT & watch.registered)
            if registered:
                self._done.add(pid)
            elif pid in self._done or not self._awaits(pid, watch, now_s):
                continue
            if held is not None and held.fds.kvm:
                self._of_kvm.add(pid)
            elif registered:
                told[pid] = None if held is None else held.without_s
            else:
                kept.add(pid)
        self._faults.follow(told, kept)
        ranges = {pid: _ranges(self._machines[pid]) for pid in (*told, *kept)}
        return self._faults.take(ranges, now_s)

    def watched(self) -> Faults | None:
        """Whose faults are told; None where none can be seen on this host."""
        return self._faults.watched() if self._listens else None

    def limits(self) -> list[Limit]:
        """What is not to be had of single machines."""
        found = [limit for one in self._qmp if (limit := self._qmp_limit(one.state))]
        if not self._listens:
            return found
        found += [perf.denied(f"process {pid}: {_KVM}", None) for pid in sorted(self._of_kvm)]
        return [*found, *self._faults.limits()]

    def _awaits(self, pid: int, watch: Watch, now_s: float) -> bool:
        """Whether a post-copy may begin there soon: it was started to take a migration in, its
        memory is empty or fills, and its guest does not run.
        """
        vm = machine(watch)
        if vm is None or not vm.incoming:
            return False
        if self._faults.ran(pid):
            self._done.add(pid)
            return False
        moved = sum(mapping.moved_pages for mapping in watch.mappings)
        before, since_s = self._moved.get(pid, (moved, now_s - _STILL_S))
        if moved != before:
            since_s = now_s
        self._moved[pid] = (moved, since_s)
        present = sum(len(mapping.present_index) for mapping in watch.mappings)
        cells = sum(mapping.vma.cell_count for mapping in watch.mappings)
        return now_s - since_s < _STILL_S or present * _NEARLY_EMPTY < cells

    def _readings(self) -> dict[int, QmpReading]:
        """The latest of each machine; one without a fault where it has several sockets."""
        found: dict[int, QmpReading] = {}
        for one in self._qmp:
            state = one.state
            owner = self._owner(state)
            if owner is None or state.reading is None:
                continue
            if state.reading.fault is None or owner.pid not in found:
                found[owner.pid] = state.reading
        return found

    def _owner(self, state: QmpState) -> Watch | None:
        """The machine behind a socket: by its pid, or else by the uuid that one machine has."""
        if self._own_pids and state.pid in self._machines:
            return self._machines[state.pid]
        if state.uuid is None:
            return None
        vms = [(machine(watch), watch) for watch in self._machines.values()]
        same = [watch for vm, watch in vms if vm is not None and vm.uuid == state.uuid]
        return same[0] if len(same) == 1 else None

    def _qmp_limit(self, state: QmpState) -> Limit | None:
        limit = state.limit()
        if limit is not None or state.reading is None or self._owner(state) is not None:
            return limit
        who = "a process that is not known" if state.pid is None else f"process {state.pid}"
        why = f"QMP at {state.path}: belongs to {who}, which maps no huge pages"
        return QmpState(state.path, why_not=why).limit()


def machine(watch: Watch) -> Vm | None:
    """What is known of a process as a virtual machine; None: it is none."""
    return None if watch.said is None else watch.said.vm


def _ranges(watch: Watch) -> Ranges:
    return [(mapping.vma.start, mapping.vma.end) for mapping in watch.mappings]
