"""Which mapping of one picture is which of another, and how their cells lie beside each other.

In one host's time a mapping is the same if its process, its address and what it maps are; where it
was moved, if its process and its file are. Between two processes, or two hosts, pids and addresses
mean nothing: there processes pair by what people call them, and mappings by the guest's RAM, by
name and place in a file, and what is left by its place among those of one page size.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from hugescope_wire.cells import Cells
from hugescope_wire.errors import WireError
from hugescope_wire.host import MappingInfo, ProcessInfo
from hugescope_wire.picture import HostPicture

MatchedBy = Literal["address", "backing", "guest", "position", "named"]


@dataclass(frozen=True, slots=True)
class Selection:
    """A process, or one mapping of it (`start` None: all of them)."""

    pid: int
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A mapping, whose it is, and its cells."""

    process: ProcessInfo
    info: MappingInfo
    cells: Cells


@dataclass(frozen=True, slots=True)
class Pair:
    """Two mappings that are compared: `count` cells from `first_a` of a and `first_b` of b."""

    a: Placed
    b: Placed
    matched_by: MatchedBy
    first_a: int
    first_b: int
    count: int


@dataclass(slots=True)
class Pairs:
    """What was paired, and what is in one picture only."""

    pairs: list[Pair] = field(default_factory=list)
    only_a: list[Placed] = field(default_factory=list)
    only_b: list[Placed] = field(default_factory=list)


def is_one_boot(a: HostPicture, b: HostPicture, *, one_source: bool) -> bool:
    """Whether pids and addresses mean the same in both: in one boot of one host.

    Args:
        one_source: both are of one host, or one recording, as far as its name tells; it decides
            where not both say which boot they are of.
    """
    assert a.about is not None
    assert b.about is not None
    boots = (a.about.host.boot_id, b.about.host.boot_id)
    return one_source if None in boots else boots[0] == boots[1]


def select(picture: HostPicture, selection: Selection | None) -> list[Placed]:
    """The mappings of a picture, of this selection only, by pid and address.

    Raises:
        WireError: `no_such_process` or `no_such_mapping`: what is selected is not there.
    """
    assert picture.about is not None
    placed = [
        Placed(process, info, picture.cells[info.id])
        for process in picture.about.processes
        for info in process.mappings
        if selection is None or process.pid == selection.pid
    ]
    if selection is None:
        return placed
    if not placed:
        raise WireError("no_such_process", f"process {selection.pid} maps no huge pages there")
    if selection.start is None:
        return placed
    chosen = [one for one in placed if one.info.start == selection.start]
    if not chosen:
        raise WireError(
            "no_such_mapping",
            f"process {selection.pid} has no mapping of huge pages at {selection.start:#x} there",
        )
    return chosen


def pair_up(
    a: list[Placed],
    b: list[Placed],
    *,
    one_host: bool,
    same_process: bool = False,
    named: bool = False,
) -> Pairs:
    """Pair the mappings of two pictures.

    Args:
        one_host: both are of the same processes, in one boot of one host.
        same_process: each side is one process that somebody chose: they are compared whatever they
            are called.
        named: each is a single mapping that somebody chose: they are compared whatever they are.

    Raises:
        WireError: `page_sizes_differ`, of mappings that were named.
    """
    if named:
        return Pairs([_named(a[0], b[0])])
    found = Pairs(only_a=list(a), only_b=list(b))
    process_of = {
        id(one): key
        for side in (a, b)
        for one, key in zip(side, _process_keys(side, one_host, same_process), strict=True)
    }
    for matched_by, key in _IN_ONE_HOST if one_host else _ACROSS:
        _take(found, matched_by, key, process_of)
    found.pairs.sort(key=lambda pair: (pair.a.process.pid, pair.a.info.start))
    return found


def _process_keys(placed: list[Placed], one_host: bool, same_process: bool) -> list[Hashable]:
    """Which process of the other side each belongs to: the n-th of a name to the n-th there."""
    if one_host:
        return [one.process.pid for one in placed]
    if same_process:
        return [None for _ in placed]
    numbers: dict[str | None, dict[int, int]] = defaultdict(dict)
    keys: list[Hashable] = []
    for one in placed:
        name = one.process.name.name if one.process.name is not None else one.process.comm
        of_name = numbers[name]
        keys.append((name, of_name.setdefault(one.process.pid, len(of_name))))
    return keys


def _file(info: MappingInfo) -> Hashable:
    """What a mapping shows, in one host's time; None for memory that has no other name."""
    backing = info.backing
    return None if backing.kind == "anonymous" else (backing.kind, backing.inode, backing.name)


def _same_place(info: MappingInfo) -> Hashable:
    return (info.start, info.page_size, info.kind, _file(info))


def _same_file(info: MappingInfo) -> Hashable:
    file = _file(info)
    return None if file is None else (info.page_size, info.kind, file)


def _same_ram(info: MappingInfo) -> Hashable:
    return None if info.guest is None else (info.page_size, info.kind, info.guest.backend)


def _same_name(info: MappingInfo) -> Hashable:
    backing = info.backing
    if backing.kind == "anonymous" or backing.name is None:
        return None
    return (info.page_size, info.kind, backing.kind, backing.name)


def _same_size(info: MappingInfo) -> Hashable:
    return (info.page_size, info.kind)


_Key = Callable[[MappingInfo], Hashable]
_IN_ONE_HOST: Final[tuple[tuple[MatchedBy, _Key], ...]] = (
    ("address", _same_place),
    ("backing", _same_file),
)
_ACROSS: Final[tuple[tuple[MatchedBy, _Key], ...]] = (
    ("guest", _same_ram),
    ("backing", _same_name),
    ("position", _same_size),
)


def _take(found: Pairs, matched_by: MatchedBy, key: _Key, process_of: dict[int, Hashable]) -> None:
    """Pair what is left and has the same key, in order; a key of None pairs with nothing."""
    waiting: dict[Hashable, deque[Placed]] = defaultdict(deque)
    for one in found.only_b:
        if (what := key(one.info)) is not None:
            waiting[process_of[id(one)], what].append(one)
    left, taken = [], set()
    for one in found.only_a:
        others = waiting.get((process_of[id(one)], key(one.info)))
        if others:
            other = others.popleft()
            taken.add(id(other))
            found.pairs.append(_aligned(one, other, matched_by))
        else:
            left.append(one)
    found.only_a = left
    found.only_b = [one for one in found.only_b if id(one) not in taken]


def _named(a: Placed, b: Placed) -> Pair:
    if a.info.page_size != b.info.page_size:
        raise WireError(
            "page_sizes_differ",
            f"cells of {a.info.page_size} and of {b.info.page_size} bytes cannot be compared",
        )
    same_file = _same_file(a.info) is not None and _same_file(a.info) == _same_file(b.info)
    pair = _aligned(a, b, "backing" if same_file else "named")
    if pair.count == 0:  # other parts of one file: then by their order
        pair = _aligned(a, b, "named")
    return replace(pair, matched_by="named")


def _aligned(a: Placed, b: Placed, matched_by: MatchedBy) -> Pair:
    """Where the cells of both lie beside each other."""
    at_a, at_b = _cell_0(a.info, matched_by), _cell_0(b.info, matched_by)
    first_a, first_b = max(0, at_b - at_a), max(0, at_a - at_b)
    count = min(len(a.cells) - first_a, len(b.cells) - first_b)
    return Pair(a, b, matched_by, first_a, first_b, max(0, count))


def _cell_0(info: MappingInfo, matched_by: MatchedBy) -> int:
    """Where the first cell lies in what both show, in cells."""
    if matched_by == "address":
        return info.start // info.page_size
    before = info.start % info.page_size
    if matched_by == "guest" and info.guest is not None:
        return (info.guest.offset - before) // info.page_size
    if matched_by == "backing":
        return (info.backing.offset - before) // info.page_size
    return 0
