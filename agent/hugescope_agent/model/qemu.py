"""What QEMU's command line says of a machine: its name, and how its RAM is laid out.

Options are as qemu(1) has them: `-name`, `-uuid`, `-incoming`, `-machine`, `-m`, `-mem-path`,
`-numa`, `-object`; a value is a list of `key=value` in which a doubled comma stands for one, or
JSON. Where an option that is not understood could change the answer, there is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

_WITH_VALUE: Final = frozenset(
    (
        *("name", "uuid", "incoming", "machine", "M", "m", "mem-path", "numa", "object"),
        *("readconfig", "accel", "global", "append"),
    )
)
"""Those that matter here, and one whose value may look like any of them."""

_SIZE: Final = re.compile(r"([0-9]{1,16})([bkmgtBKMGT]?)")
_SHIFTS: Final = {"b": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_MOST_BYTES: Final = 1 << 52
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NO_UUID: Final = re.compile(r"[0-]+")
"""What QEMU gives a machine that was given none: no name for anything."""

_NODE: Final = re.compile(r"[0-9]{1,3}")
_MACHINE: Final = re.compile(
    r"(?P<alias>pc|q35)|pc-(?P<chipset>i440fx|q35)-(?:rhel)?(?P<major>[0-9]{1,3})\.[0-9.]+"
)
_FIRST_MAJOR: Final = 2
"""Before pc-i440fx-2.0 RAM was split elsewhere."""

MEMFD: Final = "memory-backend-memfd"
"""What QEMU calls the memfd of every such backend (backends/hostmem-memfd.c)."""

_GIB: Final = 1 << 30
_MOST_BELOW_HT: Final = 900 * _GIB
"""RAM, RAM to come and the PCI hole behind them must end below 0xfd00000000: else an AMD guest has
the upper part of its RAM at 1 TiB rather than at 4 GiB (hw/i386/pc.c, pc_memory_init).
"""

Properties = dict[str, str]


@dataclass(frozen=True, slots=True)
class Backend:
    """Host memory that holds a piece of RAM.

    Attributes:
        name: its id; None where `-mem-path` made it.
        path: of a file, or of the directory in which QEMU creates one.
        file_offset: where it begins in that file.
        memfd: what a memfd is called.
    """

    name: str | None
    kind: Literal["memfd", "file", "other"]
    size_bytes: int
    path: str | None = None
    file_offset: int = 0
    memfd: str = MEMFD


@dataclass(frozen=True, slots=True)
class RamPiece:
    """A backend, and where in the guest's RAM it begins."""

    offset: int
    backend: Backend


@dataclass(frozen=True, slots=True)
class RamLayout:
    """RAM from its beginning, without gaps; memory that is plugged in is no part of it.

    Attributes:
        pieces: rising.
        backends: all that the command line names, with those that hold no RAM.
        low_bytes: as in `GuestRam`.
    """

    pieces: tuple[RamPiece, ...] = ()
    backends: tuple[Backend, ...] = ()
    low_bytes: int | None = None


class Options:
    """The options of a command line that matter here, in order."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._found: list[tuple[str, str]] = []
        rest = iter(arguments[1:])
        for one in rest:
            name = one.removeprefix("-").removeprefix("-") if one.startswith("-") else ""
            if name in _WITH_VALUE:
                self._found.append((name, next(rest, "")))

    def values(self, *names: str) -> list[str]:
        """Of every option of these names."""
        return [value for name, value in self._found if name in names]

    def merged(self, implied: str, *names: str) -> Properties:
        """Their properties together: what is said later counts."""
        merged: Properties = {}
        for value in self.values(*names):
            merged |= properties(value, implied)
        return merged


def properties(value: str, implied: str) -> Properties:
    """An option's value; `implied` is the key of a first part that has none."""
    if value.startswith("{"):
        return _from_json(value)
    parts = [part.replace("\0", ",") for part in value.replace(",,", "\0").split(",")]
    found: Properties = {}
    for at, part in enumerate(parts):
        key, equals, said = part.partition("=")
        if equals:
            found[key] = said
        elif at == 0:
            found[implied] = part
        else:
            found[part] = "on"
    return found


def _from_json(value: str) -> Properties:
    try:
        said = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    words = {True: "on", False: "off"}
    return {
        key: words[item] if isinstance(item, bool) else str(item)
        for key, item in said.items()
        if isinstance(item, str | int)
    }


def size_bytes(text: str | None, unit: str = "b") -> int | None:
    """A size as QEMU takes it, of `unit` where it says none; None where it is none, or no whole
    number.
    """
    match = _SIZE.fullmatch(text or "")
    if match is None:
        return None
    count = int(match[1]) << _SHIFTS[(match[2] or unit).lower()]
    return count if 0 < count < _MOST_BYTES else None


def machine_name(options: Options) -> str | None:
    """`-name`, with or without `guest=`."""
    return options.merged("guest", "name").get("guest")


def machine_uuid(options: Options) -> str | None:
    """`-uuid`, in lower case; None where it is none."""
    return uuid_of((options.values("uuid") or [""])[-1])


def uuid_of(text: str) -> str | None:
    """In lower case; None where it is none, or the one that stands for none."""
    said = text.lower()
    return said if _UUID.fullmatch(said) and not _NO_UUID.fullmatch(said) else None


def takes_migration(options: Options) -> bool:
    """Whether it was started with `-incoming`, of whatever kind."""
    return bool(options.values("incoming"))


def ram_bytes(options: Options, layout: RamLayout) -> int | None:
    """The guest's RAM without what is plugged in: as laid out, or by `-m`; None: not understood."""
    if options.values("readconfig"):
        return None
    if layout.pieces:
        last = layout.pieces[-1]
        return last.offset + last.backend.size_bytes
    return size_bytes(options.merged("size", "m").get("size"), "m")


def ram_layout(options: Options) -> RamLayout:
    """How RAM is laid out; without pieces where that is not certain."""
    if options.values("readconfig"):
        return RamLayout()
    machine = options.merged("type", "machine", "M")
    memory = options.merged("size", "m")
    backends = _backends(options.values("object"))
    used = _used(options, machine, memory, {one.name: one for one in backends})
    if used is None:
        return RamLayout()
    pieces: list[RamPiece] = []
    total = 0
    for backend in used:
        pieces.append(RamPiece(total, backend))
        total += backend.size_bytes
    everything = tuple(dict.fromkeys([*backends, *used]))
    return RamLayout(tuple(pieces), everything, _low_bytes(options, machine, memory, total))


def _backends(objects: Iterable[str]) -> list[Backend]:
    found = []
    for value in objects:
        said = properties(value, "qom-type")
        size = size_bytes(said.get("size"))
        if said.get("qom-type", "").startswith("memory-backend-") and size is not None:
            found.append(_backend(said, size))
    return found


def _backend(said: Properties, size: int) -> Backend:
    name, kind = said.get("id"), said["qom-type"]
    if kind == MEMFD and said.get("hugetlb") in ("on", "yes", "true"):
        return Backend(name, "memfd", size)
    if kind == "memory-backend-file" and said.get("mem-path"):
        offset = said.get("offset", "0")
        place = 0 if offset == "0" else size_bytes(offset)
        if place is not None:
            return Backend(name, "file", size, said["mem-path"], place)
    return Backend(name, "other", size)


def _used(
    options: Options,
    machine: Properties,
    memory: Properties,
    backends: dict[str | None, Backend],
) -> list[Backend] | None:
    """The backends of RAM in its order; None where that is not known."""
    nodes = [properties(value, "type") for value in options.values("numa")]
    nodes = [node for node in nodes if node.get("type") == "node"]
    if "memory-backend" in machine:
        names: list[str] | None = [machine["memory-backend"]]
    elif any("memdev" in node for node in nodes):
        names = _by_node(nodes)
    else:
        size = size_bytes(memory.get("size"), "m")
        paths = options.values("mem-path")
        return [Backend(None, "file", size, paths[-1])] if paths and size else None
    if names is None or not set(names) <= set(backends):
        return None
    return [backends[name] for name in names]


def _by_node(nodes: list[Properties]) -> list[str] | None:
    """Their memdevs by number of the node, which is the next one where it is not given."""
    found: dict[int, str] = {}
    for count, node in enumerate(nodes):
        number = node.get("nodeid", str(count))
        if not _NODE.fullmatch(number) or int(number) in found:
            return None
        found[int(number)] = node.get("memdev", "")
    return [name for _, name in sorted(found.items()) if name]


def _low_bytes(options: Options, machine: Properties, memory: Properties, total: int) -> int | None:
    """How much of RAM lies below 4 GiB, by hw/i386/pc_piix.c and pc_q35.c; None where the machine
    is another, or something moves the border.
    """
    match = _MACHINE.fullmatch(machine.get("type", ""))
    if match is None or (match["major"] and int(match["major"]) < _FIRST_MAJOR):
        return None
    accelerators = [machine.get("accel", ""), *options.values("accel")]
    xen = any("xen" in one for one in accelerators)
    moved = any("pci-hole64-size" in one for one in options.values("global"))
    if xen or moved or "max-ram-below-4g" in machine or _most(memory, total) > _MOST_BELOW_HT:
        return None
    if (match["alias"] or match["chipset"]) == "q35":
        return 2 * _GIB if total >= 0xB0000000 else total
    return 3 * _GIB if total >= 0xE0000000 else total


def _most(memory: Properties, total: int) -> int:
    """RAM with all that may be plugged in, and the room for aligning that; _MOST_BYTES where what
    is said of that is not understood.
    """
    slots = memory.get("slots", "0")
    most = size_bytes(memory.get("maxmem"), "m") if "maxmem" in memory else total
    if most is None or not _NODE.fullmatch(slots):
        return _MOST_BYTES
    return max(most, total) + int(slots) * _GIB
