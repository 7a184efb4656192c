"""Numbers and names as findings put them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from hugescope_wire.account import FdHolder, FileRef, ProcessRef
from hugescope_wire.host import MappingInfo

_LISTED = 4
"""Names in a sentence; more are counted."""


def size(count: int) -> str:
    """Bytes in the largest binary unit that divides them."""
    for unit, shift in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if count and count % (1 << shift) == 0:
            return f"{count >> shift} {unit}"
    return counted(count, "byte")


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def pages(count: int, page_size: int) -> str:
    """Such as "3 pages of 2 MiB (6 MiB)"."""
    whole = f" ({size(count * page_size)})" if count > 1 else ""
    return f"{counted(count, 'page')} of {size(page_size)}{whole}"


def process(ref: ProcessRef, name: str | None = None) -> str:
    """Such as "qemu (41)", or "web1 (qemu pid 41)" where `name` is what people call it.

    A name is any process' own choice and is shown printable.
    """
    if name is not None:
        return f"{printable(name)} ({printable(ref.comm)} pid {ref.pid})"
    return f"{printable(ref.comm)} ({ref.pid})" if ref.comm else f"process {ref.pid}"


def holder(ref: FdHolder, name: str | None = None) -> str:
    """A process and how it holds a file."""
    how = "by a mapping" if ref.fd is None else f"by descriptor {ref.fd}"
    return f"{process(ref, name)} {how}"


def listing(names: Sequence[str]) -> str:
    """Such as "a, b and c"; a long list ends in how many more there are. At least one name."""
    shown = list(names[:_LISTED])
    if len(names) > _LISTED:
        shown.append(f"{len(names) - _LISTED} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def file(ref: FileRef) -> str:
    """A file by kind and name, or by number; anonymous memory has one that nobody can name."""
    if ref.kind == "anonymous":
        return "anonymous memory"
    kind = {"hugetlbfs": "file", "sysv": "SysV segment"}
    number = "" if ref.inode is None else f" {ref.inode}"
    name = number if ref.kind == "sysv" or not ref.name else f" {printable(ref.name)}"
    return f"{kind.get(ref.kind, ref.kind)}{name}"


def backing(info: MappingInfo) -> str:
    """What a mapping maps, by kind and name."""
    of = info.backing
    if of.kind == "anonymous" or not of.name:
        return f"{'shared' if info.shared else 'private'} {of.kind} memory"
    kind = {"hugetlbfs": "file", "sysv": "SysV segment"}.get(of.kind, of.kind)
    return f"{kind} {of.inode if of.kind == 'sysv' else printable(of.name)}"


def address(value: int) -> str:
    """An address as /proc/PID/maps has it, with 0x."""
    return f"{value:#x}"


def printable(text: str | None) -> str:
    """Text with control characters made visible."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text or "?")


def path_argument(path: str | None) -> str | None:
    """A path quoted for a shell; None where there is none that can be typed."""
    if path is None or not path.startswith("/") or not path.isprintable():
        return None
    return shlex.quote(path)


def pool_file(page_size: int, name: str = "nr_hugepages") -> str:
    """A file of the host's pool."""
    return f"/sys/kernel/mm/hugepages/hugepages-{page_size >> 10}kB/{name}"


def node_pool_file(node: int, page_size: int, name: str = "nr_hugepages") -> str:
    """A file of one node's pool."""
    directory = f"/sys/devices/system/node/node{node}/hugepages"
    return f"{directory}/hugepages-{page_size >> 10}kB/{name}"


def resize(page_size: int, count: int) -> str:
    """The command that gives the host's pool so many persistent pages."""
    return f"echo {count} > {pool_file(page_size)}"
