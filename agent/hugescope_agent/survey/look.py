"""One consistent look: page tables, holders and counters of one moment, and how torn it is.

Every process is looked at, then what keeps files, then every process again, and the pools' counters
before, between and after. What changed is the tear. A page that one process let go and another took
may leave all that as it was, so pages that nobody seems to hold are believed only if looks agree on
their number; otherwise that is the tear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import numpy as np

from hugescope_agent.kernel.sysvipc import HugeSegment, SegmentClues, huge_segments
from hugescope_agent.model.account import PoisonCount, PoolLook, accounts, unpoisoned
from hugescope_agent.model.captured import counted_bytes
from hugescope_agent.model.clues import Clues
from hugescope_agent.model.holdings import FileUse, Sightings, file_uses, holdings, pages_shown
from hugescope_agent.model.mapped import MappedFrames
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.owned import OwnedMapping
from hugescope_agent.model.poison import PoisonView
from hugescope_agent.model.sharing import ProcessMappings, Sharing
from hugescope_agent.survey.sources import Holders, Sources
from hugescope_wire.account import Holding, PoolAccount, ProcessRef
from hugescope_wire.cells import CellState
from hugescope_wire.snapshot import Pool

_MIGRATING: Final = np.uint8(CellState.MIGRATING)

LOOKS: Final = 5
"""Looks before a torn one is given as it is."""


class Looker(Protocol):
    """The sampler, as a report needs it."""

    def look_again(self) -> dict[int, int]:
        """Bring everything up to date; how many hugetlb cells map something else since, by page
        size.
        """

    def processes(self) -> list[ProcessMappings]:
        """Every process with hugetlb mappings."""

    def sharing(self, *, torn: bool) -> Sharing:
        """Who shares what."""

    def pools_now(self) -> list[Pool]:
        """The counters, read now."""

    def unread(self) -> list[int]:
        """Processes that could not be read."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Page tables and holders of one moment.

    Attributes:
        counters: pools, read before, between and after its parts.
        moved: hugetlb cells that changed while it was taken, by page size.
        unread: processes that could not be read.
    """

    processes: list[ProcessMappings]
    owned: list[OwnedMapping]
    holders: Holders
    counters: list[list[Pool]]
    moved: dict[int, int]
    unread: list[int]

    @property
    def after(self) -> list[Pool]:
        """The counters that belong to it."""
        return self.counters[-1]

    def uncaptured(self, page_size: int | None = None) -> list[TrackedMapping]:
        """Mappings, of one page size if given, whose entries a captured tree lacks."""
        return [
            one.mapping
            for one in self.owned
            if one.mapping.uncaptured and page_size in (None, one.vma.page_size)
        ]

    def has_pages(self, page_size: int) -> bool:
        """Whether the pool of that size holds any page."""
        return any(pool.total for pool in self.after if pool.page_size == page_size)

    def moved_in(self, page_size: int) -> int:
        """Pages of one size that are known to have moved meanwhile."""
        spread = (self._spread(page_size, name) for name in ("total", "free"))
        return max(self.moved.get(page_size, 0), *spread)

    def _spread(self, page_size: int, name: str) -> int:
        """By how much a counter of the host changed."""
        values = [
            getattr(pool, name)
            for pools in self.counters
            for pool in pools
            if pool.node is None and pool.page_size == page_size
        ]
        known = [value for value in values if value is not None]
        return max(known) - min(known) if known else 0

    @property
    def names(self) -> dict[int, str | None]:
        """Names of processes with huge pages or descriptors of them."""
        return self.holders.fds.names | {pid: comm for pid, comm, _ in self.processes}


@dataclass(frozen=True, slots=True)
class Accounted:
    """Accounts of all pools, and what they were made from."""

    accounts: list[PoolAccount]
    holdings: list[Holding]
    uses: list[FileUse]

    @property
    def torn(self) -> int:
        """Pages that moved during the look, in any pool."""
        return max((account.torn for account in self.accounts), default=0)

    @property
    def unattributed(self) -> int:
        """Pages of all pools that nobody was seen to hold."""
        hosts = (account for account in self.accounts if account.node is None)
        return sum(abs(account.unattributed or 0) for account in hosts)


def join(looker: Looker, sources: Sources) -> Joined:
    """Take one look."""
    counters = [looker.pools_now()]
    looker.look_again()
    counters.append(looker.pools_now())
    holders = sources.holders(looker.processes())
    counters.append(looker.pools_now())
    moved = looker.look_again()
    counters.append(looker.pools_now())
    processes = looker.processes()
    owned = sources.owned(processes)
    return Joined(processes, owned, holders, counters, moved, looker.unread())


@dataclass(slots=True)
class Accountant:
    """Makes accounts of looks; remembers which segments were seen to be of huge pages."""

    sources: Sources
    _segments: dict[tuple[int, int], int] = field(default_factory=dict)

    def account(
        self,
        joined: Joined,
        mapped: Mapping[int, MappedFrames],
        poison: PoisonView,
        counts: Mapping[int, PoisonCount],
        looks: int,
        unsteady: int = 0,
    ) -> Accounted:
        """The accounts of every page size; `mapped` and `counts`, poisoned pages in no page table,
        are by size. `unsteady`: by how much looks differed, though nothing was seen to move.
        """
        shown = pages_shown(joined.owned)
        hidden = {one.file for one in joined.owned if one.mapping.uncaptured}
        unseen = {size: joined.uncaptured(size) for size in mapped}
        clues = _clues(joined, captured=not self.sources.files.root.live)

        def held(sightings: Sightings) -> tuple[list[FileUse], list[Holding]]:
            uses = file_uses(sightings)
            return uses, unpoisoned(holdings(uses, shown, hidden), poison.unmapped)

        def made(found: Sequence[Holding]) -> list[PoolAccount]:
            made_accounts: list[PoolAccount] = []
            for size, frames in mapped.items():
                look = PoolLook(
                    before=[pool for pool in joined.counters[0] if pool.page_size == size],
                    after=[pool for pool in joined.after if pool.page_size == size],
                    mapped=frames,
                    holdings=found,
                    poison=counts[size],
                    overcommit=self.sources.overcommit(size),
                    moved=max(joined.moved_in(size), unsteady if joined.has_pages(size) else 0),
                    looks=looks,
                    clues=replace(
                        clues,
                        flags_unread=counts[size].pages is None,
                        uncaptured=len(unseen[size]),
                        uncaptured_bytes=counted_bytes(unseen[size]),
                    ),
                )
                made_accounts += accounts(look)
            return made_accounts

        uses, found = held(self._sightings(joined, {}))
        left = {
            account.page_size: account.unattributed or 0
            for account in made(found)
            if account.node is None and (account.unattributed or 0) > 0 and account.torn == 0
        }
        if left:
            # Only now is it known how many pages a segment that is not sure to be huge could hold.
            uses, found = held(self._sightings(joined, left))
        return Accounted(made(found), found, uses)

    def _sightings(self, joined: Joined, unaccounted: Mapping[int, int]) -> Sightings:
        holders = joined.holders
        return Sightings(
            fds=holders.fds.huge,
            linked=holders.linked.files,
            mapped_files=holders.mapped.files.values(),
            segments=self._huge_segments(joined, unaccounted),
            mappings=[(one.process.pid, one.vma) for one in joined.owned],
            names=joined.names,
            internal=holders.internal,
        )

    def _huge_segments(self, joined: Joined, unaccounted: Mapping[int, int]) -> list[HugeSegment]:
        segments = joined.holders.segments or []
        known = {
            one.vma.inode: one.vma.page_size
            for one in joined.owned
            if one.vma.backing.kind == "sysv"
        }
        there = {segment.identity for segment in segments}
        self._segments = {one: size for one, size in self._segments.items() if one in there}
        for segment in segments:
            if segment.attached and segment.shmid in known:
                self._segments[segment.identity] = known[segment.shmid]
        clues = SegmentClues(
            known=known,
            remembered=self._segments,
            all_seen=not joined.unread and not joined.uncaptured(),
            unaccounted=unaccounted,
            shmem_bytes=self.sources.shmem_bytes(),
            kernel=self.sources.files.info.kernel,
        )
        return huge_segments(segments, self.sources.files.pools.page_sizes, clues)


def _clues(joined: Joined, *, captured: bool) -> Clues:
    """Who may hold pages out of our sight, of any size."""
    holders, names = joined.holders, joined.names

    def named(pids: Sequence[int]) -> list[ProcessRef]:
        return [ProcessRef(pid=pid, comm=names.get(pid)) for pid in pids]

    return Clues(
        unread=named(joined.unread),
        unread_fds=named([*holders.fds.denied, *holders.fds.unreadable]),
        pinning=named(holders.fds.pinning),
        other_namespaces=holders.mounts.unread + len(holders.linked.unreached),
        migrating=sum(
            int((one.mapping.cells.state == _MIGRATING).sum())
            for one in joined.owned
            if len(one.suspect_cells())
        ),
        captured=captured,
    )
