"""What a post-copy shall do, and the huge pages it needs for that."""

import argparse
import math
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple, Self

from hugescope_agent.workloads.errors import PoolUnavailable
from hugescope_agent.workloads.pool import SYSFS, HostPool, PoolLease
from hugescope_agent.workloads.sizes import size_text

PROC = Path("/proc")
MIB = 1 << 20
SIDES = 2  # the source and the destination hold the memory each
SMALLEST_SIDE_BYTES = 16 * 2 * MIB  # with less there is nothing to look at
SPARE_BYTES = 512 * MIB  # what adding huge pages leaves to everybody else, at the least


@dataclass(frozen=True)
class PostcopyPlan:
    """A post-copy of ``size_bytes`` from a source to a destination, over and over.

    The sweep copies ``sweep_bytes_per_s``; the destination touches ``touch_per_s`` pages a second
    (0: none). ``rounds`` None means until stopped. Raises ValueError naming the field that is off.
    """

    size_bytes: int = 512 * MIB
    page_size_bytes: int = 2 * MIB
    sweep_bytes_per_s: float = 64.0 * MIB
    touch_per_s: float = 12.0
    pause_s: float = 3.0
    rounds: int | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        page = self.page_size_bytes
        if page < 4096 or page & (page - 1):
            raise ValueError(f"page_size_bytes: {page} is not a page size")
        if self.size_bytes < page or self.size_bytes % page:
            raise ValueError(f"size_bytes: {self.size_bytes} is not whole pages of {page}")
        if not (math.isfinite(self.sweep_bytes_per_s) and self.sweep_bytes_per_s > 0):
            raise ValueError(f"sweep_bytes_per_s: {self.sweep_bytes_per_s} is not above 0")
        if not (math.isfinite(self.touch_per_s) and self.touch_per_s >= 0):
            raise ValueError(f"touch_per_s: {self.touch_per_s} is not 0 or more")
        if not (math.isfinite(self.pause_s) and self.pause_s >= 0):
            raise ValueError(f"pause_s: {self.pause_s} is not 0 or more")
        if self.rounds is not None and self.rounds < 1:
            raise ValueError(f"rounds: {self.rounds} is less than 1")

    @property
    def pages(self) -> int:
        """Pages of one side."""
        return self.size_bytes // self.page_size_bytes

    def arguments(self) -> list[str]:
        """The plan as command line arguments, ``--size-bytes=536870912`` and so on."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return [
            f"--{name.replace('_', '-')}={value}" for name, value in values if value is not None
        ]

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Make a parser take what :meth:`arguments` gives."""
        for name in ("size-bytes", "page-size-bytes", "seed"):
            parser.add_argument(f"--{name}", type=int, required=True)
        for name in ("sweep-bytes-per-s", "touch-per-s", "pause-s"):
            parser.add_argument(f"--{name}", type=float, required=True)
        parser.add_argument("--rounds", type=int)

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> Self:
        """The plan that such a parser has read."""
        return cls(**{field.name: getattr(options, field.name) for field in fields(cls)})


class LeasedPlan(NamedTuple):
    """A lease that is held, the plan that fits it, and where it is smaller than asked, why."""

    lease: PoolLease
    plan: PostcopyPlan
    notice: str | None


def lease_for(plan: PostcopyPlan, *, sysfs: Path = SYSFS, proc: Path = PROC) -> LeasedPlan:
    """Lease the pages of both sides; scale the plan down to what could be had.

    At least 32 MiB a side (16 pages of 2 MiB), or the plan's size if that is less. Adds no more
    than leaves half a GiB or a tenth of the memory to everybody else. Raises PoolUnavailable.
    """
    pool = HostPool(plan.page_size_bytes, sysfs)
    needed = SIDES * plan.pages
    smallest = SIDES * min(plan.pages, max(1, SMALLEST_SIDE_BYTES // plan.page_size_bytes))
    usable = pool.read().usable
    spare_bytes = _spare_memory_bytes(proc)
    ceiling = usable + spare_bytes // plan.page_size_bytes
    if ceiling < smallest:
        size = size_text(plan.page_size_bytes)
        raise PoolUnavailable(
            f"asked for {needed} huge pages of {size}: {usable} are free, and memory for more is"
            f" short ({size_text(spare_bytes)} can be spared)",
            needed,
            usable,
        )
    lease = PoolLease(
        plan.page_size_bytes, min(needed, ceiling), min_pages=smallest, root=sysfs
    ).acquire()
    pages = lease.granted_pages // SIDES
    if pages >= plan.pages:
        return LeasedPlan(lease, plan, None)
    fitting = replace(plan, size_bytes=pages * plan.page_size_bytes)
    notice = (
        f"{size_text(fitting.size_bytes)} a side instead of {size_text(plan.size_bytes)}:"
        f" {lease.granted_pages} of {needed} huge pages of {size_text(plan.page_size_bytes)}"
        " could be had"
    )
    return LeasedPlan(lease, fitting, notice)


def _spare_memory_bytes(proc: Path) -> int:
    """Memory that may become huge pages: available, less what the others should keep."""
    sizes: dict[str, int] = {}
    for line in (proc / "meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("MemTotal", "MemAvailable"):
            sizes[name] = int(value.split()[0]) << 10
    keep = max(SPARE_BYTES, sizes["MemTotal"] // 10)
    return max(0, sizes["MemAvailable"] - keep)
