"""What a capture keeps of a command line: argv[0], and what tells a virtual machine's name and RAM.

Arguments may hold secrets, so those that are kept are named one by one, and of those that hold a
list the keys: of QEMU `-name guest=`, `-uuid`, `-incoming` without its address, `-m`, `-machine`
and `-numa` as far as they lay out RAM, `-object` of memory backends only, `-mem-path`, `-accel`,
whether `-global` moves RAM; of firecracker `--id`, of crosvm `--name`, of the demo its side and
size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from hugescope_agent.model import simulated
from hugescope_agent.model.qemu import Options, Properties, properties
from hugescope_agent.model.vm import tell

_KEPT_KEYS: Final = {
    "name": ("guest", frozenset({"guest"})),
    "machine": ("type", frozenset({"type", "memory-backend", "max-ram-below-4g", "accel"})),
    "M": ("type", frozenset({"type", "memory-backend", "max-ram-below-4g", "accel"})),
    "m": ("size", frozenset({"size", "slots", "maxmem"})),
    "numa": ("type", frozenset({"type", "nodeid", "memdev"})),
    "object": ("qom-type", frozenset({"qom-type", "id", "size", "hugetlb", "mem-path", "offset"})),
    "accel": ("accel", frozenset({"accel"})),
}
"""Of each option: the key of a first part that has none, and the keys that are kept."""

_WHOLE: Final = ("uuid", "mem-path")
_BACKEND: Final = "memory-backend-"
_HOLE: Final = "pci-hole64-size"
_LIBVIRT: Final = "libvirt/qemu/"
_SIZE: Final = "--size-bytes="
_NAMED: Final = ("--id", "--name")

Cgroup = Callable[[], str | None]


def kept_arguments(comm: str | None, arguments: Sequence[str], cgroup: Cgroup) -> list[str]:
    """The arguments to keep: with them the process is told as with all of them, or, where that
    cannot be had, they are argv[0] alone.
    """
    if not arguments:
        return []
    told = tell(comm, arguments, cgroup)
    for kept in _candidates(arguments):
        if tell(comm, kept, cgroup) == told:
            return kept
    return [arguments[0]]


def _candidates(arguments: Sequence[str]) -> list[list[str]]:
    """The shortest first."""
    first = arguments[0]
    libvirt = [_LIBVIRT] if any(_LIBVIRT in one for one in arguments) else []
    found = [[first], [first, *_qemu(Options(arguments)), *libvirt], [first, *_named(arguments)]]
    side = simulated.side_of(arguments)
    if side:
        sizes = [one for one in side if one.startswith(_SIZE)]
        found.append([first, "-m", simulated.MODULE, side[0], *_qemu(Options(side)), *sizes])
    return found


def _qemu(options: Options) -> list[str]:
    kept: list[str] = []
    for name, (implied, keys) in _KEPT_KEYS.items():
        for value in options.values(name):
            said = properties(value, implied)
            if name != "object" or said.get("qom-type", "").startswith(_BACKEND):
                kept += [f"-{name}", _joined(said, keys)]
    for name in _WHOLE:
        kept += [word for value in options.values(name) for word in (f"-{name}", value)]
    if options.values("incoming"):
        kept += ["-incoming", "defer"]
    if options.values("readconfig"):
        kept += ["-readconfig", "-"]
    if any(_HOLE in value for value in options.values("global")):
        kept += ["-global", _HOLE]
    return kept


def _joined(said: Properties, keys: frozenset[str]) -> str:
    parts = (f"{key}={value.replace(',', ',,')}" for key, value in said.items() if key in keys)
    return ",".join(parts)


def _named(arguments: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for one, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if one == "--":
            break
        if one in _NAMED:
            kept += [one, following]
        elif one.startswith(tuple(f"{name}=" for name in _NAMED)):
            kept.append(one)
    return kept
