"""The host's settings of transparent huge pages: /sys/kernel/mm/transparent_hugepage.

A setting file lists its words with the chosen one in brackets: `always [madvise] never`.
hugepages-<size>kB/ holds the same for each folio size (Linux 6.8), where `inherit` means the
global setting; before that there is the global one only.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Final

from hugescope_agent.kernel.root import Root
from hugescope_wire.levels import PMD_BYTES

_DIRECTORY: Final = "sys/kernel/mm/transparent_hugepage"
_CHOSEN: Final = re.compile(r"\[(\w+)\]")
_SIZE: Final = re.compile(r"hugepages-([0-9]{1,15})kB")
_GZIP: Final = 16 + zlib.MAX_WBITS
_KIB: Final = 1024
_CONFIG_BYTES: Final = 16 << 20
"""Sixty times what a distribution's kernel has: a captured file may unpack to any length."""


@dataclass(frozen=True, slots=True)
class ThpSettings:
    """What is chosen; None: this kernel has no such setting, or the root does not hold it.

    `sizes` maps folio bytes to the word chosen for anonymous memory, `inherit` resolved.
    """

    enabled: str | None
    shmem_enabled: str | None
    sizes: dict[int, str]

    @property
    def everywhere(self) -> bool:
        """Whether anonymous memory gets huge pages of a PMD's size without asking."""
        return self.sizes.get(PMD_BYTES, self.enabled) == "always"


def read_settings(root: Root) -> ThpSettings:
    """What the root tells."""
    enabled = _chosen(root, "enabled")
    sizes = {}
    for name in root.names(_DIRECTORY):
        match = _SIZE.fullmatch(name)
        word = _chosen(root, f"{name}/enabled") if match else None
        if match and word:
            sizes[int(match[1]) * _KIB] = enabled or word if word == "inherit" else word
    return ThpSettings(enabled, _chosen(root, "shmem_enabled"), sizes)


def average_mapcount(root: Root) -> bool | None:
    """Whether kpagecount is an average over the folio (CONFIG_NO_PAGE_MAPCOUNT); None: unknown."""
    try:
        config = zlib.decompressobj(_GZIP).decompress(root.read("proc/config.gz"), _CONFIG_BYTES)
    except (OSError, zlib.error):
        return None
    return b"\nCONFIG_NO_PAGE_MAPCOUNT=y\n" in config


def _chosen(root: Root, name: str) -> str | None:
    match = _CHOSEN.search(root.read_text(f"{_DIRECTORY}/{name}") or "")
    return match[1] if match else None
