"""/proc/kpageflags and /proc/kpagecount: one little-endian u64 for each PFN.

Flags (include/uapi/linux/kernel-page-flags.h): 19 HWPOISON. Since 6.10 the tails of a huge
page carry the head's flags. kpagecount of a hugetlb page is its mapcount; a PMD table that
processes share counts once.
"""

from __future__ import annotations

import errno
import os
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.pagemap import ENTRY_BYTES, read_words
from hugescope_agent.kernel.root import Root

_HIGHEST_PFN: Final = 1 << 52
"""Beyond any machine, and its byte offset still fits a file offset."""

KPF_HWPOISON: Final = 1 << 19

Words = npt.NDArray[np.uint64]


class KpageFiles:
    """Both files, open."""

    def __init__(self, root: Root) -> None:
        """Open both and read one word of each, for opening proves nothing; OSError as it comes, and
        where a captured file is empty.
        """
        self._count_fd = root.open("proc/kpagecount")
        try:
            self._flags_fd = root.open("proc/kpageflags")
        except OSError:
            os.close(self._count_fd)
            raise
        try:
            for fd in (self._count_fd, self._flags_fd):
                if not os.pread(fd, ENTRY_BYTES, 0):
                    raise OSError(errno.ENODATA, os.strerror(errno.ENODATA))
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close both descriptors."""
        os.close(self._count_fd)
        os.close(self._flags_fd)

    def counts(self, pfns: npt.NDArray[np.integer]) -> Words:
        """The mapcount of each PFN, u64.

        Raises:
            BadCapture: a PFN lies past the end of the file.
        """
        return self._words(self._count_fd, "proc/kpagecount", pfns)

    def flags(self, pfns: npt.NDArray[np.integer]) -> Words:
        """The KPF_* word of each PFN, u64; errors as in `counts`."""
        return self._words(self._flags_fd, "proc/kpageflags", pfns)

    def counts_in(self, first_pfn: int, count: int) -> Words:
        """The mapcounts of neighbouring PFNs, u64[count]; errors as in `counts` for the first.

        0 where a captured file ends among them: it may end with the last word that is not 0.
        """
        if first_pfn + count > _HIGHEST_PFN:
            raise BadCapture(f"proc/kpagecount: a page table names PFN {first_pfn:#x}")
        raw = os.pread(self._count_fd, count * ENTRY_BYTES, first_pfn * ENTRY_BYTES)
        if len(raw) < ENTRY_BYTES:
            raise BadCapture(f"proc/kpagecount: ends before PFN {first_pfn:#x}")
        whole = raw[: len(raw) - len(raw) % ENTRY_BYTES]
        return np.frombuffer(whole.ljust(count * ENTRY_BYTES, b"\0"), np.uint64)

    def flags_in(self, first_pfn: int, count: int) -> Words:
        """The KPF_* words of neighbouring PFNs, u64[count], fewer where the file ends."""
        if first_pfn + count > _HIGHEST_PFN:
            raise BadCapture(f"proc/kpageflags: a page table names PFN {first_pfn:#x}")
        raw = os.pread(self._flags_fd, count * ENTRY_BYTES, first_pfn * ENTRY_BYTES)
        return np.frombuffer(raw[: len(raw) - len(raw) % ENTRY_BYTES], np.uint64)

    @staticmethod
    def _words(fd: int, name: str, pfns: npt.NDArray[np.integer]) -> Words:
        highest = int(pfns.max(initial=0))
        raw = b"" if highest > _HIGHEST_PFN else read_words(fd, (pfns * ENTRY_BYTES).tolist())
        if len(raw) != len(pfns) * ENTRY_BYTES:
            raise BadCapture(f"{name}: ends before PFN {highest:#x}, which a page table names")
        return np.frombuffer(raw, np.uint64)
