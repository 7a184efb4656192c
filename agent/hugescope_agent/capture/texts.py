"""What a capture keeps of texts: the entries of hugetlb mappings, as the kernel printed them.

All else in maps, smaps and numa_maps are other people's file names and addresses, which nothing
here would show.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_ENTRY: Final = re.compile(rb"^([0-9a-f]+)-[0-9a-f]+ ", re.MULTILINE)
_NUMA_LINE: Final = re.compile(rb"^([0-9a-f]+) [^\n]*\n", re.MULTILINE)
_ABOUT_HUGE_PAGES: Final = ("hugepages", "default_hugepagesz", "hugetlb_", "numa_balancing")
_ABOUT_THP: Final = ("transparent_hugepage", "movablecore", "kernelcore")


def entries_of(text: bytes, starts: Collection[int]) -> bytes:
    """Of maps or smaps, those of the mappings at these addresses."""
    heads = list(_ENTRY.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)][: len(heads)]
    return b"".join(
        text[head.start() : end]
        for head, end in zip(heads, ends, strict=True)
        if int(head[1], 16) in starts
    )


def policies_of(text: bytes, starts: Collection[int]) -> bytes:
    """Of numa_maps, the lines of the mappings at these addresses."""
    return b"".join(line[0] for line in _NUMA_LINE.finditer(text) if int(line[1], 16) in starts)


def boot_words(text: str) -> str:
    """Of the kernel's command line, the words about huge pages: others may hold secrets."""
    words = text.split()
    if "--" in words:
        words = words[: words.index("--")]
    kept = [word for word in words if word.startswith((*_ABOUT_HUGE_PAGES, *_ABOUT_THP))]
    return " ".join(kept) + "\n"
