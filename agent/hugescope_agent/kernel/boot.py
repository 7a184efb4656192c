"""Huge pages asked for on the kernel command line.

`hugepagesz=1G hugepages=2 hugepagesz=2M hugepages=0:48,1:48`: a number belongs to the size before
it, or to the default size; `NODE:NUMBER` places pages. A size that stands there twice counts the
first time, a number that the kernel cannot read not at all. Source: mm/hugetlb.c,
hugepages_setup(). hugetlb_cma= reserves memory for pages to come and is no pool.
"""

from __future__ import annotations

import re
from typing import Final

from hugescope_agent.kernel.root import Root
from hugescope_wire.cells import PAGE_BYTES
from hugescope_wire.report import BootPages

_SIZE: Final = re.compile(r"([0-9]{1,19})([KMGT]?)", re.IGNORECASE)
_SHIFTS: Final = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_COUNT: Final = re.compile(r"(?:([0-9]{1,9}):)?([0-9]{1,19})")
_DEFAULT_SIZE: Final = re.compile(r"^Hugepagesize: +([0-9]{1,15}) kB$", re.MULTILINE)
_USUAL_SIZE: Final = 2 << 20
"""A PMD of 4 KiB pages, on x86-64 and on arm64."""


def read(root: Root) -> list[BootPages]:
    """What the command line of this host asks for; it may have got less."""
    match = _DEFAULT_SIZE.search(root.read_text("proc/meminfo") or "")
    default = int(match[1]) * 1024 if match else _USUAL_SIZE
    return parse(root.read_text("proc/cmdline") or "", default)


def parse(cmdline: str, default_size: int) -> list[BootPages]:
    """The records of a command line, in its order; `default_size` in bytes."""
    found: list[BootPages] = []
    size: int | None = default_size
    counted: set[int | None] = set()
    for word in cmdline.split():
        if word == "--":
            break  # what follows is for init
        name, _, value = word.partition("=")
        if name in ("hugepagesz", "default_hugepagesz"):
            size = parse_size(value)
        elif name == "hugepages" and size is not None and size not in counted:
            counted.add(size)
            found += _pages(size, value)
    return found


def parse_size(text: str) -> int | None:
    """Bytes of a size such as 2M or 2048K; None for what is no huge page size."""
    match = _SIZE.fullmatch(text)
    size = int(match[1]) << _SHIFTS[match[2].upper()] if match else 0
    return size if size > PAGE_BYTES and size & (size - 1) == 0 else None


def _pages(page_size: int, text: str) -> list[BootPages]:
    """Of `NUMBER` or `NODE:NUMBER,NODE:NUMBER`; nothing of what is neither."""
    matches = [_COUNT.fullmatch(part) for part in text.split(",")]
    placed = [(m[1], int(m[2])) for m in matches if m]
    mixed = len(matches) > 1 and any(node is None for node, _ in placed)
    if len(placed) < len(matches) or mixed:
        return []
    return [
        BootPages(page_size=page_size, node=None if node is None else int(node), pages=pages)
        for node, pages in placed
    ]
