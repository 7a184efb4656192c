"""What is read from a host's root: the files that stay open, and what they can do."""

from __future__ import annotations

import re
from typing import Final

from hugescope_agent.kernel import capabilities, perf
from hugescope_agent.kernel.kpage import KpageFiles
from hugescope_agent.kernel.nodes import NodeMap
from hugescope_agent.kernel.pagemap import Scanner
from hugescope_agent.kernel.pools import PoolFiles
from hugescope_agent.kernel.process import VmaFinder
from hugescope_agent.kernel.root import Root
from hugescope_wire.host import Limit
from hugescope_wire.snapshot import Capabilities, HostInfo

_VERSION: Final = re.compile(r"Linux version (\S+)")


class HostFiles:
    """Open files and probed capabilities of one root.

    `info` is name, kernel and boot id, null what the root does not hold. `capabilities` may be
    narrowed by the caller to take the path of an older kernel. `no_faults` says why page faults
    cannot be seen, None where they can.
    """

    def __init__(self, root: Root, narrowed: Capabilities | None = None) -> None:
        self.root = root
        self.info = self._read_info()
        self.capabilities = narrowed or capabilities.probe(root)
        self.no_faults = perf.limit(root)
        self.pools = PoolFiles(root)
        self.nodes = NodeMap.read(root)
        self.kpage = KpageFiles(root) if self.capabilities.kpageflags else None
        self.scanner = Scanner() if self.capabilities.pagemap_scan else None
        self.finder = VmaFinder(
            root,
            procmap_query=self.capabilities.procmap_query,
            page_sizes=self.pools.page_sizes,
        )

    def close(self) -> None:
        """Close all that is open."""
        self.pools.close()
        self.finder.close()
        if self.kpage is not None:
            self.kpage.close()

    def limits(self, seen: Capabilities) -> list[Limit]:
        """What is missing of the capabilities as they turned out."""
        found = [*capabilities.limits(seen, self.root), *self.finder.limits()]
        return found if self.no_faults is None else [*found, self.no_faults]

    def _read_info(self) -> HostInfo:
        version = _VERSION.match(self.root.read_text("proc/version") or "")
        kernel = self.root.read_text("proc/sys/kernel/osrelease")
        return HostInfo(
            name=self.root.read_text("proc/sys/kernel/hostname"),
            kernel=kernel or (version[1] if version else None),
            boot_id=self.root.read_text("proc/sys/kernel/random/boot_id"),
        )
