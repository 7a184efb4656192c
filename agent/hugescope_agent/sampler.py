"""Which to read when: a full look, then ticks that read what changed and refresh the rest in turn.

A tick, cheapest first: the pools' counters; PAGEMAP_SCAN over every known mapping and PFN, flags
and counts of the cells that it shows changed; a slice of all processes looked through for new
mappings, so that each is looked at once a second and those with huge pages more often; a few cells
read again in rotation; of virtual machines what `vmwatch.py` says. smaps is read when a mapping
appears, when a machine's userfaultfds come or go, and then seldom, and from time to time
a report is made of everything that is not cells.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import numpy as np

from hugescope_agent.cost import CostMeter
from hugescope_agent.hostview import HostView
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.reader import MIGRATION_S
from hugescope_agent.model.thp import ThpMapping
from hugescope_agent.sample import Sample, SamplerOptions
from hugescope_agent.survey.surveyor import Surveyor
from hugescope_agent.vmwatch import VmWatch
from hugescope_wire.frames import encode_range, encode_scattered
from hugescope_wire.host import HostDelta, HostFrame, Limit, Source
from hugescope_wire.page import PageDetail
from hugescope_wire.report import HostReport
from hugescope_wire.vm import Faults

_SCATTERED_ROW: Final = 11
_DENSE_ROW: Final = 7
COST_EVERY_S: Final = 1.0
_SETTLE_S: Final = 0.05


class Sampler:
    """Tells of one host, frame by frame. Not for use from several threads at once.

    Attributes:
        view: the host's state.
        vms: what is watched of virtual machines.
        cost: what looking costs.
    """

    def __init__(
        self,
        files: HostFiles,
        source: Source,
        options: SamplerOptions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options or SamplerOptions()
        self._source = source
        self._clock = clock
        self._files = files
        self.view = HostView(files, self._options, clock)
        self.vms = VmWatch(files, self._options.qmp)
        self._surveyor: Surveyor | None = None
        self._report: HostReport | None = None
        self.cost = CostMeter(clock)
        self._cost_due_s = 0.0
        self._sent: set[int] = set()
        self._told = files.capabilities
        self._told_limits: list[Limit] = []

    def use(self, files: HostFiles) -> None:
        """Read from another root from now on: the next step of a recorded series. Mappings keep
        their ids.
        """
        self._files = files
        self.view.use(files)
        self.vms.use(files)
        if self._surveyor is not None:
            self._surveyor.use(files)

    def close(self) -> None:
        """Close every process' files; the root's belong to the caller."""
        self.view.close()
        self.vms.close()

    def full(self) -> Sample:
        """Look at everything, and all that is known, whether it changed or not.

        Raises:
            BadCapture: a captured tree holds what no kernel writes.
        """
        self.cost.begin()
        self.view.read_pools()
        self.view.look_again()
        sample = self.as_seen()
        self.cost.end(self.view.cell_count())
        return sample

    def as_seen(self) -> Sample:
        """All that is known, as the last look left it."""
        view = self.view
        self._told, self._told_limits = view.capabilities(), self._limits()
        infos, _ = view.shown()
        about = HostFrame(
            taken_at=datetime.now(UTC),
            monotonic_s=self._clock(),
            source=self._source,
            host=self._files.info,
            capabilities=self._told,
            limits=self._told_limits,
            pools=view.pools,
            processes=infos,
            skipped=view.skipped(),
            cost=self.cost.read(view.refresh_s()),
            report=self._report,
            faults=self.vms.watched(),
        )
        blocks = [self._whole(mapping) for mapping in view.all_mappings()]
        view.changes.clear()
        return Sample(about, blocks)

    def settle(self) -> Sample:
        """As `full`, but gives cells a while to show whether they are poisoned or migrating."""
        sample = self.full()
        for _ in range(int(2 * MIGRATION_S / _SETTLE_S)):
            if not any(mapping.suspects for mapping in self.view.mappings()):
                break
            time.sleep(_SETTLE_S)
            sample = self.full()
        return sample

    def tick(self) -> Sample | None:
        """What changed since the last look; None where nothing did and no report is due."""
        self.cost.begin()
        now_s = self._clock()
        view = self.view
        pools_changed = view.read_pools()
        view.discover_some(now_s)
        view.changes.pids |= self.vms.look(view.watches, now_s)
        view.look(now_s)
        view.rotate()
        view.join()
        faults = self.vms.faults(now_s)
        reported = self._options.reports and (
            self._surveyor is None or now_s >= self._surveyor.due_s
        )
        if reported:
            self.survey()
        cost_due = now_s >= self._cost_due_s
        said = reported or pools_changed or cost_due or faults is not None
        sample = None
        if said or view.changes:
            sample = self._delta(now_s, pools_changed, cost_due, reported, faults)
        self.cost.end(view.cell_count())
        return sample

    def survey(self, *, thorough: bool = False) -> HostReport:
        """Look until the look holds together, and report; later frames carry it.

        Raises:
            BadCapture: a captured tree holds what no kernel writes.
        """
        if self._surveyor is None:
            # Most samplers of a snapshot make no report, and its sources take a while to find.
            self._surveyor = Surveyor(self._files, self._source, self._clock)
        self._report = self._surveyor.take(self.view, thorough=thorough)
        self.view.place_lost(self._report.poison)
        return self._report

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        """Who maps the page at an address, and how, by the last look and a drill into the page.

        Raises:
            AskError: nothing is known there, or the process left meanwhile.
        """
        return self.view.page(pid, address, part)

    def why_skipped(self, pid: int) -> str | None:
        """Why this process could not be read when last tried; None when it could."""
        return self.view.rounds.why_skipped(pid)

    def _limits(self) -> list[Limit]:
        return [*self.view.limits(), *self.vms.limits()]

    def _delta(
        self,
        now_s: float,
        pools_changed: bool,
        cost_due: bool,
        reported: bool,
        faults: Faults | None,
    ) -> Sample:
        view = self.view
        if cost_due:
            self._cost_due_s = now_s + COST_EVERY_S
        capabilities, limits = view.capabilities(), self._limits()
        news = (capabilities != self._told, limits != self._told_limits)
        self._told, self._told_limits = capabilities, limits
        blocks = self._changed_blocks()
        # A process may have lost its hugetlb mappings only, or its THP mappings only.
        pids = view.changes.pids | view.changes.gone_pids
        processes = view.infos(pids)
        about = HostDelta(
            taken_at=datetime.now(UTC),
            # Of the same moment: by both a fault's time is brought to another clock.
            monotonic_s=self._clock(),
            capabilities=capabilities if news[0] else None,
            limits=limits if news[1] else None,
            pools=view.pools if pools_changed else None,
            processes=processes,
            gone_pids=sorted(pids - {process.pid for process in processes}),
            skipped=view.skipped() if cost_due else None,
            cost=self.cost.read(view.refresh_s()) if cost_due else None,
            report=self._report if reported else None,
            faults=faults,
        )
        view.changes.clear()
        return Sample(about, blocks)

    def _changed_blocks(self) -> list[bytes]:
        changes = self.view.changes
        self._sent -= changes.released
        blocks = []
        for mapping in self.view.all_mappings():
            parts = changes.cells.get(mapping.id)
            if mapping.id not in self._sent:
                blocks.append(self._whole(mapping))
            elif parts:
                index = np.unique(np.concatenate(parts))
                if len(index) * _SCATTERED_ROW < len(mapping.cells) * _DENSE_ROW:
                    cells = self.view.told(mapping).take(index)
                    blocks.append(encode_scattered(mapping.id, mapping.vma.page_size, index, cells))
                else:
                    blocks.append(self._whole(mapping))
        return blocks

    def _whole(self, mapping: TrackedMapping | ThpMapping) -> bytes:
        self._sent.add(mapping.id)
        return encode_range(mapping.id, mapping.vma.page_size, self.view.told(mapping))
