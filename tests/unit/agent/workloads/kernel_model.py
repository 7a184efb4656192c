"""A pool that behaves as the kernel's, in memory, and the sysfs tree that a test can write to."""

from contextlib import contextmanager
from pathlib import Path

from hugescope_agent.workloads.pool import HostPool, PoolCounters

MIB2 = 2 << 20


def write_pool(root: Path, *, total=0, free=0, reserved=0, surplus=0, size=MIB2) -> Path:
    """Write the counters of one page size below a sysfs root; returns their directory."""
    directory = root / f"kernel/mm/hugepages/hugepages-{size >> 10}kB"
    directory.mkdir(parents=True, exist_ok=True)
    counters = {"nr": total, "free": free, "resv": reserved, "surplus": surplus}
    for name, value in counters.items():
        (directory / f"{name}_hugepages").write_text(f"{value}\n")
    return directory


def set_free(root: Path, free: int = 10**6, size=MIB2) -> None:
    """What the kernel would do after a write: without free pages a guardian waits for some."""
    directory = root / f"kernel/mm/hugepages/hugepages-{size >> 10}kB"
    (directory / "free_hugepages").write_text(f"{free}\n")


class ModelPool(HostPool):
    """As mm/hugetlb.c: growing takes over surplus pages first, shrinking makes used ones so."""

    def __init__(self, persistent=0, surplus=0, used=0, reserved=0, room=10**9):
        super().__init__(MIB2, Path("/nowhere"))
        self.persistent, self.surplus, self.used = persistent, surplus, used
        self.reserved, self.room = reserved, room
        self.written: list[int] = []
        self.stuck = 0  # so many writes change nothing
        self.error: OSError | None = None

    def read(self) -> PoolCounters:
        total = self.persistent + self.surplus
        return PoolCounters(total, total - self.used, self.reserved, self.surplus)

    @contextmanager
    def locked(self, sleep=None):
        yield True

    def set_persistent(self, pages: int) -> None:
        self.written.append(pages)
        if self.error:
            raise self.error
        if self.stuck:
            self.stuck -= 1
            return
        while self.surplus and pages > self.persistent:
            self.surplus, self.persistent = self.surplus - 1, self.persistent + 1
        grown = min(max(0, pages - self.persistent), self.room)
        self.persistent, self.room = self.persistent + grown, self.room - grown
        if pages < self.persistent:
            total = self.persistent + self.surplus
            freed = min(self.persistent - pages, total - self.used)
            self.room += freed
            self.surplus += self.persistent - pages - freed
            self.persistent = pages

    def use(self, pages: int) -> None:
        """Take or (negative) free pages; freed ones leave the pool while it has surplus."""
        self.used += pages
        gone = min(self.surplus, max(0, -pages))
        self.surplus -= gone
        self.room += gone
