"""The pools' accounts: total = free + mapped + held + poisoned + unattributed, for the host and for
each node.

`unattributed` is what is left, so that the parts always sum to the total. It is less than nothing
when pages moved while the look was taken: the look is torn. Where pages mapped may be counted too
many (`guessed`), what is left is too little by as much, and not told.

A poisoned page of a file stays in the file (Linux 6.1 and newer: hugetlbfs_error_remove_page()
does nothing) and in its st_blocks, so it would count as held and as poisoned. `unpoisoned` takes it
out of its file's holding where the file is known. Where it is not, more pages are held and poisoned
than are in use; the surplus comes out of the holdings if only one kind of them can have it, else
such a page counts as held. A bad page that the kernel left in the free list counts as free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from hugescope_agent.kernel.frames import HugeFrames
from hugescope_agent.model.clues import Clues, candidates, notes
from hugescope_agent.model.mapped import MappedFrames
from hugescope_agent.model.owned import FileKey, device_text
from hugescope_wire.account import HeldPages, Holding, PoolAccount
from hugescope_wire.snapshot import Pool

_KINDS: Final = ("fd", "hugetlbfs", "sysv", "mapping")
_UNKNOWN_HELD: Final = HeldPages(fd=None, hugetlbfs=None, sysv=None, mapping=None)


@dataclass(frozen=True, slots=True)
class PoisonCount:
    """Poisoned pages of one pool that are in no page table.

    Attributes:
        pages: None where the flags of pages could not be read; they are then unattributed.
        by_node: of them, by node.
    """

    pages: int | None = 0
    by_node: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        frames: HugeFrames | None,
        mapped: MappedFrames,
        page_size: int,
        hardware_corrupted_bytes: int | None = None,
    ) -> PoisonCount:
        """From all huge pages of the machine, None: not read; that no memory is corrupted will do
        too.
        """
        if frames is None:
            return cls(0 if hardware_corrupted_bytes == 0 else None)
        bad = frames.bad(page_size)
        nodes = bad.node[~np.isin(bad.head_pfn, mapped.page)].tolist()
        return cls(len(nodes), {node: nodes.count(node) for node in set(nodes)})


@dataclass(frozen=True, slots=True)
class PoolLook:
    """Everything that one page size's accounts are made from.

    Attributes:
        before, after: the counters of the host (`node` None) and of its nodes, read before and
            after the page tables were looked at; the account shows `after`.
        mapped: pages in page tables.
        holdings: files' pages in no page table, as `unpoisoned` left them; of other sizes too.
        poison: poisoned pages in no page table.
        overcommit: nr_overcommit_hugepages; None: not known.
        moved: cells that changed while the look was taken.
        looks: how often the look was taken.
        clues: who may hold what nobody was seen to hold.
    """

    before: Sequence[Pool]
    after: Sequence[Pool]
    mapped: MappedFrames
    holdings: Sequence[Holding] = ()
    poison: PoisonCount = field(default_factory=PoisonCount)
    overcommit: int | None = None
    moved: int = 0
    looks: int = 1
    clues: Clues = field(default_factory=Clues)


class _Parts(NamedTuple):
    """What is in no page table and not free: pages by kind of holding, poisoned, unattributed."""

    held: dict[str, int]
    poisoned: int
    unattributed: int

    @property
    def amounts(self) -> list[int]:
        return [*self.held.values(), self.unattributed]


def accounts(look: PoolLook) -> list[PoolAccount]:
    """The accounts of one page size: the host's first, then those of the nodes by number."""
    host = next((pool for pool in look.after if pool.node is None), None)
    nodes = sorted((pool for pool in look.after if pool.node is not None), key=_node_number)
    parts = None if host is None else _host_parts(host, look)
    found = [] if host is None else [_host_account(host, parts, look)]
    rests = {_node_number(pool): _node_rest(pool, parts, look, len(nodes)) for pool in nodes}
    return found + [_node_account(pool, parts, rests, look) for pool in nodes]


def unpoisoned(
    holdings: Iterable[Holding], lost: Mapping[tuple[FileKey, int], int]
) -> list[Holding]:
    """Holdings without the pages that their files lost to poison: `lost` counts those still in the
    pool and in no page table, by file and page size, as `poison.PoisonView.unmapped` has it.
    """
    left = {(device_text(file[0]), file[1], size): pages for (file, size), pages in lost.items()}
    found = []
    for holding in holdings:
        key = (holding.file.device or "", holding.file.inode or 0, holding.page_size)
        gone = min(left.get(key, 0), holding.pages)
        if gone:
            left[key] -= gone
        pages = holding.pages - gone
        found.append(holding.model_copy(update={"pages": pages}) if gone else holding)
    return found


def _node_number(pool: Pool) -> int:
    return -1 if pool.node is None else pool.node


def _in_use(pool: Pool) -> int | None:
    """Pages that are not free; None where a counter is missing or underflowed."""
    if pool.total is None or pool.free is None or pool.total < 0 or pool.free < 0:
        return None
    return pool.total - pool.free


def _host_parts(host: Pool, look: PoolLook) -> _Parts | None:
    in_use = _in_use(host)
    if in_use is None:
        return None
    unmapped = in_use - look.mapped.pages
    held = dict.fromkeys(_KINDS, 0)
    for holding in look.holdings:
        if holding.page_size == host.page_size:
            held[holding.by] += holding.pages
    poisoned = min(look.poison.pages or 0, max(unmapped, 0))
    surplus = min(sum(held.values()) + poisoned - unmapped, poisoned)
    if surplus > 0:
        kinds = [kind for kind in _KINDS if held[kind]]
        if len(kinds) == 1 and held[kinds[0]] >= surplus:
            held[kinds[0]] -= surplus
        else:
            poisoned -= surplus
    return _Parts(held, poisoned, unmapped - sum(held.values()) - poisoned)


def _host_account(host: Pool, parts: _Parts | None, look: PoolLook) -> PoolAccount:
    unattributed = None if parts is None else parts.unattributed
    torn = max(_difference(look.before, host), look.moved, _shortfall(unattributed, look))
    held = dict.fromkeys(_KINDS, 0) if parts is None else parts.held
    unknown = look.poison.pages is None
    return PoolAccount(
        page_size=host.page_size,
        node=None,
        total=host.total,
        free=host.free,
        reserved=host.reserved,
        surplus=host.surplus,
        overcommit=look.overcommit,
        available=_available(host),
        mapped=look.mapped.pages,
        mapped_by=look.mapped.groups,
        held=_UNKNOWN_HELD if parts is None else HeldPages(**held),
        poisoned=None if unknown or parts is None else parts.poisoned,
        unattributed=None if look.mapped.guessed else unattributed,
        unplaced=None,
        guessed=look.mapped.guessed,
        candidates=candidates(unattributed or 0, torn, look.clues),
        notes=notes(look.mapped.guessed, look.clues),
        torn=torn,
        looks=look.looks,
    )


def _available(host: Pool) -> int | None:
    """None too where a counter has underflowed, or is more than there is in all."""
    if host.free is None or host.reserved is None or min(host.free, host.reserved) < 0:
        return None
    if host.total is not None and max(host.free, host.reserved) > host.total:
        return None
    return host.free - host.reserved


def _difference(before: Sequence[Pool], pool: Pool) -> int:
    """Pages that came to or left the pool or its free list while the look was taken, at least."""
    old = next((one for one in before if one.node == pool.node), None)
    pairs = [] if old is None else [(old.total, pool.total), (old.free, pool.free)]
    return max((abs(a - b) for a, b in pairs if a is not None and b is not None), default=0)


def _shortfall(unattributed: int | None, look: PoolLook) -> int:
    """Pages seen beyond those in use, where copies counted more than once do not explain them."""
    return max(0, -(unattributed or 0) - look.mapped.guessed)


class _Rest(NamedTuple):
    """One node: pages mapped, poisoned, and all others in use; None where not known."""

    mapped: int | None
    poisoned: int | None
    other: int | None


def _node_rest(pool: Pool, parts: _Parts | None, look: PoolLook, nodes: int) -> _Rest:
    number = _node_number(pool)
    mapped = look.mapped.pages if nodes == 1 else look.mapped.on_node(number)
    poisoned = _node_poison(number, parts, look, nodes)
    in_use = _in_use(pool)
    if mapped is None or in_use is None:
        return _Rest(mapped, poisoned, None)
    return _Rest(mapped, poisoned, in_use - mapped - (poisoned or 0))


def _node_poison(number: int, parts: _Parts | None, look: PoolLook, nodes: int) -> int | None:
    """None too where the account counts fewer bad pages than there are: which, is not known."""
    if parts is None or look.poison.pages is None:
        return None
    if parts.poisoned == look.poison.pages:
        return look.poison.by_node.get(number, 0) if nodes > 1 else parts.poisoned
    return parts.poisoned if parts.poisoned == 0 or nodes == 1 else None


def _node_account(
    pool: Pool, host: _Parts | None, rests: Mapping[int, _Rest], look: PoolLook
) -> PoolAccount:
    rest = rests[_node_number(pool)]
    parts = _placed(rest, host, rests)
    guessed = 0 if rest.mapped is None else look.mapped.guessed
    torn = max(_difference(look.before, pool), -min((rest.other or 0) + guessed, 0))
    return PoolAccount(
        page_size=pool.page_size,
        node=pool.node,
        total=pool.total,
        free=pool.free,
        reserved=pool.reserved,
        surplus=pool.surplus,
        overcommit=None,
        available=None,
        mapped=rest.mapped,
        mapped_by=None,
        held=_UNKNOWN_HELD if parts is None else HeldPages(**parts.held),
        poisoned=rest.poisoned,
        unattributed=None if parts is None or guessed else parts.unattributed,
        unplaced=rest.other if parts is None else None,
        guessed=guessed,
        torn=torn,
        looks=look.looks,
    )


def _placed(rest: _Rest, host: _Parts | None, rests: Mapping[int, _Rest]) -> _Parts | None:
    """What the other pages in use on one node are; None where only their sum is known.

    They are known where there are none, where no other node has any, and where the host's are all
    of one kind. All that holds only if the nodes sum to the host.
    """
    others = [one.other for one in rests.values()]
    known = [other for other in others if other is not None]
    if host is None or rest.other is None or len(known) < len(others):
        return None
    if sum(known) != sum(host.amounts):
        return None
    if rest.other == sum(known):
        return host
    if min(known) < 0:
        return None
    kinds = [amount for amount in host.amounts if amount]
    if rest.other and len(kinds) > 1:
        return None
    held = {kind: rest.other if amount else 0 for kind, amount in host.held.items()}
    return _Parts(held, 0, rest.other if host.unattributed else 0)
