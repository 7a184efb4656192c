"""Accounts, reservations and poison of a captured tree, from one look of the sampler at it."""

import re
from dataclasses import dataclass
from pathlib import Path

from hugescope_agent.kernel import memory_failure, numa
from hugescope_agent.kernel.frames import HugeFrames, poisoned_pfns, read_frames
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.model.account import PoisonCount, PoolLook, accounts, unpoisoned
from hugescope_agent.model.granularity import lost_pages as lost_by_smaps
from hugescope_agent.model.lost import LostPage, lost_pages
from hugescope_agent.model.mapped import MappedFrames
from hugescope_agent.model.owned import MappingKey, OwnedMapping
from hugescope_agent.model.poison import PoisonLook, PoisonView, poison
from hugescope_agent.model.reservations import ReservationLook, ReservationView, reservations
from hugescope_agent.sampler import Sampler
from hugescope_wire.account import PoolAccount, ProcessRef
from hugescope_wire.host import Source
from hugescope_wire.snapshot import Pool


@dataclass(frozen=True)
class TreeAccount:
    """What the pure functions made of a tree; `accounts` by page size and node."""

    accounts: dict[tuple[int, int | None], PoolAccount]
    reservations: dict[int, ReservationView]
    poison: PoisonView
    lost: list[LostPage]


def owned_mappings(root: Root, sampler: Sampler) -> list[OwnedMapping]:
    """Every mapping that the sampler watches, with its process."""
    found = []
    for pid, watch in sampler.view.watches.items():
        parent = re.search(r"^PPid:\s+(\d+)$", root.read_text(f"proc/{pid}/status") or "", re.M)
        process = ProcessRef(pid=pid, comm=watch.comm)
        ppid = int(parent[1]) if parent else None
        found += [OwnedMapping(process, mapping, ppid) for mapping in watch.mappings]
    return found


def bound_nodes(root: Root, owned: list[OwnedMapping]) -> dict[MappingKey, frozenset[int]]:
    """Nodes that strict policies name."""
    found = {}
    for pid in {one.process.pid for one in owned}:
        for start, line in (numa.policies(root, pid) or {}).items():
            if line.policy.mode == "bind":
                found[(pid, start)] = frozenset(line.policy.nodes)
    return found


def see_poison(
    files: HostFiles, frames: HugeFrames | None, owned: list[OwnedMapping]
) -> PoisonView:
    """All that a tree tells of memory errors."""
    root = files.root
    corrupted = memory_failure.hardware_corrupted_bytes(root)
    look = PoisonLook(
        owned=owned,
        lost=lost_pages(owned, smaps_lost(owned)),
        frames=frames,
        outside=poisoned_pfns(root, files.nodes) if corrupted else None,
        failures=memory_failure.failures(root),
        hardware_corrupted_bytes=corrupted,
        bound=bound_nodes(root, owned) if corrupted else {},
    )
    return poison(look)


def smaps_lost(owned: list[OwnedMapping]) -> dict[MappingKey, int]:
    """Pages that smaps counts and pagemap does not show."""
    return {one.key: lost_by_smaps(one.mapping) or 0 for one in owned}


def account(path: Path) -> TreeAccount:
    """One look at a tree."""
    files = HostFiles(Root.at(str(path)))
    sampler = Sampler(files, Source(kind="capture", name=path.name))
    try:
        sampler.full()
        owned = owned_mappings(files.root, sampler)
        return _account(files, owned, files.pools.parse(files.pools.raw()))
    finally:
        sampler.close()
        files.close()


def _account(files: HostFiles, owned: list[OwnedMapping], pools: list[Pool]) -> TreeAccount:
    frames = read_frames(files.root, files.nodes, files.pools.page_sizes)
    seen = see_poison(files, frames, owned)
    lost = lost_pages(owned, smaps_lost(owned))
    corrupted = seen.record.hardware_corrupted_bytes
    found: dict[tuple[int, int | None], PoolAccount] = {}
    promised = {}
    for size in files.pools.page_sizes:
        of_size = [pool for pool in pools if pool.page_size == size]
        mapped = MappedFrames.of(owned, size)
        look = PoolLook(
            before=of_size,
            after=of_size,
            mapped=mapped,
            holdings=unpoisoned([], seen.unmapped),
            poison=PoisonCount.of(frames, mapped, size, corrupted),
        )
        found |= {(one.page_size, one.node): one for one in accounts(look)}
        host = found[(size, None)]
        promised[size] = reservations(
            ReservationLook(
                page_size=size,
                reserved=host.reserved,
                owned=owned,
                lost=lost,
                unattributed=host.unattributed,
            )
        )
    return TreeAccount(found, promised, seen, lost)
