r"""/proc/PID/maps: the VMAs of a process, by text or by the PROCMAP_QUERY ioctl.

A line: `7e0000000000-7e0001000000 rw-s 00000000 00:0b 42      /memfd:ram (deleted)`: start, end,
permissions, offset (all hex), device as major:minor in hex, inode in decimal, path.

PROCMAP_QUERY (Linux 6.11, include/uapi/linux/fs.h) finds the VMA at or after an address. Its
argument, 104 bytes: u64 size, query_flags, query_addr; out: u64 vma_start, vma_end, vma_flags,
vma_page_size, vma_offset, inode, u32 dev_major, dev_minor; u32 vma_name_size, build_id_size, u64
vma_name_addr, build_id_addr. `vma_page_size` tells a hugetlb VMA without a walk of page tables.
Every hugetlb VMA has a file, anonymous ones too, so the rest is passed over in the kernel.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.mountinfo import Device
from hugescope_agent.kernel.vma import HugeVma, unescape_path
from hugescope_wire.levels import PMD_BYTES

PROCMAP_QUERY: Final = 0xC0686611
_SHARED: Final = 0x08
_COVERING_OR_NEXT: Final = 0x10
_FILE_BACKED: Final = 0x20
_QUERY_FLAGS: Final = _COVERING_OR_NEXT | _FILE_BACKED
_NAME_BYTES: Final = 4096
_ARG_BYTES: Final = 104
_IN: Final = struct.Struct("<QQQ")
_SIZE_WORD, _FLAGS_WORD, _ADDRESS_WORD, _START_WORD, _END_WORD, _, _PAGE_SIZE_WORD = range(7)
"""Of the u64 that the argument begins with."""

_WHOLE_OUT: Final = struct.Struct("<QQQQQQIII")
_OUT_AT: Final = 24
_NAME_SIZE_AT: Final = 80
_NAME_ADDRESS_AT: Final = 88
_BASE_PAGE: Final = 4096
_DEVICE_DAX: Final = "/dev/dax"
"""Its VMAs have large pages too, which are no hugetlb pages."""

_AT_ONCE: Final = 1 << 16
_HIGHEST_VA: Final = 1 << 64
"""x86-64 prints its vsyscall page near the top."""

_LINE: Final = re.compile(
    rb"([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([r-][w-][x-])([sp]) "
    rb"([0-9a-f]{1,16}) ([0-9a-f]{1,8}):([0-9a-f]{1,8}) ([0-9]{1,20})(?: +([^\n]*))?"
)

_BEFORE_DEVICE: Final = rb"^[0-9a-f]+-[0-9a-f]+ [^ \n]{4} [0-9a-f]+ "
_DEVICE: Final = re.compile(_BEFORE_DEVICE + rb"(?!0+:0+ )([0-9a-f]+:[0-9a-f]+) ", re.MULTILINE)
"""Of files. The inode does not tell them: that of a SysV segment is its id, and the first is 0."""


@dataclass(frozen=True, slots=True)
class MapsLine:
    """One line of maps or head line of smaps; addresses and offset in bytes."""

    start: int
    end: int
    shared: bool
    offset: int
    device: tuple[int, int]
    inode: int
    path: str
    protection: str = "rw-"

    def as_huge(self, page_size: int) -> HugeVma:
        """The same VMA, known to be of huge pages of `page_size` bytes."""
        return HugeVma(
            self.start,
            self.end,
            page_size,
            self.shared,
            self.offset,
            self.device,
            self.inode,
            self.path,
        )

    def as_thp(self) -> HugeVma:
        """The same VMA, to be looked at in cells of one PMD."""
        return replace(self.as_huge(PMD_BYTES), kind="thp")


def parse_line(line: bytes, where: object) -> MapsLine:
    """One line of maps.

    Raises:
        BadCapture: the line is none; `where`, as text, names file and line.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        raise BadCapture(f"{where}: expected a line of maps, found {line[:60]!r}")
    first, last, protection, shared, offset, major, minor, inode, path = match.groups()
    start, end = int(first, 16), int(last, 16)
    if end <= start or end > _HIGHEST_VA:
        raise BadCapture(f"{where}: no process has a mapping from {start:#x} to {end:#x}")
    return MapsLine(
        start,
        end,
        shared == b"s",
        int(offset, 16),
        (int(major, 16), int(minor, 16)),
        int(inode),
        unescape_path(path or b""),
        protection.decode("ascii"),
    )


def of_devices(text: bytes, wanted: Callable[[set[Device]], set[Device]]) -> list[MapsLine]:
    """The lines of files that lie on devices that are `wanted`, of all that occur; the others are
    not taken apart. For what the kernel writes: whole lines, and none that is not one.
    """
    written = {}
    for device in {one[1] for one in _DEVICE.finditer(text)}:
        major, minor = device.split(b":")
        written[device] = int(major, 16), int(minor, 16)
    found = wanted(set(written.values()))
    chosen = b"|".join(re.escape(one) for one in sorted(written) if written[one] in found)
    if not chosen:
        return []
    lines = re.compile(b"%b(?:%b) [^\n]*" % (_BEFORE_DEVICE, chosen), re.MULTILINE)
    return [parse_line(line[0], "maps") for line in lines.finditer(text)]


def parse(text: bytes, where: str) -> list[MapsLine]:
    """All of a maps file; `where` is its name, for errors."""
    lines = text.removesuffix(b"\n").split(b"\n") if text else []
    return [parse_line(line, f"{where}:{number}") for number, line in enumerate(lines, start=1)]


@dataclass(slots=True)
class VmaWalk:
    """How far a look for the hugetlb VMAs of one process has come: `found` of those below
    `next_va`, or before what is left to take apart of the text. The descriptor is the owner's to
    close.
    """

    maps_fd: int
    pid: int = 0
    next_va: int = 0
    found: list[HugeVma] = field(default_factory=list)
    text: bytes = b""


class VmaQuery:
    """PROCMAP_QUERY with one argument block and one name buffer for its whole life.

    Not for use from several threads at once.
    """

    counted = "mappings of files"

    def __init__(self) -> None:
        self._arg = bytearray(_ARG_BYTES)
        self._walk = bytearray(_ARG_BYTES)
        self._walk_words = memoryview(self._walk).cast("Q")
        self._name = ctypes.create_string_buffer(_NAME_BYTES)

    def huge_vmas(self, maps_fd: int) -> list[HugeVma]:
        """Every hugetlb VMA of the process behind `maps_fd`, rising; OSError as it comes.

        A process without an mm (a kernel thread, a zombie) has none.
        """
        walk = VmaWalk(maps_fd)
        while not self.go_on(walk, _AT_ONCE):
            pass
        return walk.found

    def go_on(self, walk: VmaWalk, most: int) -> bool:
        """Look through so many more VMAs that have a file; whether none is left. Errors as in
        `huge_vmas`.
        """
        found, maps_fd = walk.found, walk.maps_fd
        # Most of a discovery is this loop. Nothing but these words goes in, and no name comes out.
        arg, words, query, request = self._walk, self._walk_words, fcntl.ioctl, PROCMAP_QUERY
        asked, end, page_size, small = _ADDRESS_WORD, _END_WORD, _PAGE_SIZE_WORD, _BASE_PAGE
        words[_SIZE_WORD], words[_FLAGS_WORD] = _ARG_BYTES, _QUERY_FLAGS
        words[asked] = walk.next_va
        try:
            for _ in range(most):
                query(maps_fd, request, arg)
                words[asked] = words[end]
                if words[page_size] > small:
                    vma = self.huge_vma_at(maps_fd, words[_START_WORD])
                    if vma is not None:
                        found.append(vma)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESRCH):
                return True
            raise
        walk.next_va = words[asked]
        return False

    def huge_vma_at(self, maps_fd: int, address: int) -> HugeVma | None:
        """The hugetlb VMA that covers `address`, with its path; None where there is none."""
        arg = self._arg
        try:
            self._ask_with_name(maps_fd, address)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESRCH):
                return None
            if error.errno != errno.ENAMETOOLONG:
                raise
            if not self._ask(maps_fd, address):
                return None
        start, end, flags, page_size, offset, inode, major, minor, size = _WHOLE_OUT.unpack_from(
            arg, _OUT_AT
        )
        if page_size <= _BASE_PAGE:
            return None
        path = self._name.raw[: max(size - 1, 0)].decode("utf-8", "replace")
        if path.startswith(_DEVICE_DAX):
            return None
        shared = bool(flags & _SHARED)
        return HugeVma(start, end, page_size, shared, offset, (major, minor), inode, path)

    def stands(self, maps_fd: int, vma: HugeVma) -> bool:
        """Whether this very VMA is still there: same borders, same file, under any name."""
        if not self._ask(maps_fd, vma.start, 0 if vma.kind == "thp" else _FILE_BACKED):
            return False
        start, end, _, page_size, offset, inode, major, minor, _ = _WHOLE_OUT.unpack_from(
            self._arg, _OUT_AT
        )
        return (start, end, page_size, offset, inode, (major, minor)) == (
            vma.start,
            vma.end,
            _BASE_PAGE if vma.kind == "thp" else vma.page_size,
            vma.offset,
            vma.inode,
            vma.device,
        )

    def _ask(self, maps_fd: int, address: int, flags: int = _FILE_BACKED) -> bool:
        """Ask for the VMA that covers `address`, without its name; whether there is one."""
        _IN.pack_into(self._arg, 0, _ARG_BYTES, flags, address)
        self._arg[_NAME_SIZE_AT:] = bytes(_ARG_BYTES - _NAME_SIZE_AT)
        try:
            fcntl.ioctl(maps_fd, PROCMAP_QUERY, self._arg)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESRCH):
                return False
            raise
        return True

    def _ask_with_name(self, maps_fd: int, address: int) -> None:
        arg = self._arg
        _IN.pack_into(arg, 0, _ARG_BYTES, _FILE_BACKED, address)
        struct.pack_into("<II", arg, _NAME_SIZE_AT, _NAME_BYTES, 0)
        struct.pack_into("<QQ", arg, _NAME_ADDRESS_AT, ctypes.addressof(self._name), 0)
        fcntl.ioctl(maps_fd, PROCMAP_QUERY, arg)


def procmap_query_works(maps_fd: int) -> bool:
    """Probe: ENOTTY before Linux 6.11 and on a plain file."""
    try:
        VmaQuery().huge_vma_at(maps_fd, 0)
    except OSError:
        return False
    return True
