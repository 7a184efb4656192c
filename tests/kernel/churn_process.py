"""Takes and gives back huge pages without rest, in every way: ``python churn_process.py SEED``.

Prints a line when it began, and goes on until its standard input ends. A plain script.
"""

import contextlib
import mmap
import os
import random
import select
import sys
from collections.abc import Callable

MIB2 = 2 << 20
PAGES = 4
HUGE = os.MFD_HUGETLB | os.MFD_HUGE_2MB
MAP_HUGETLB = 0x40000


def shared() -> None:
    """A memfd: mapped, touched, let go."""
    fd = os.memfd_create("hs-churn", HUGE)
    os.ftruncate(fd, PAGES * MIB2)
    with mmap.mmap(fd, PAGES * MIB2) as memory:
        for page in range(PAGES):
            memory[page * MIB2] = 1
    os.close(fd)


def unmapped() -> None:
    """A memfd that nobody maps."""
    fd = os.memfd_create("hs-churn-fd", HUGE)
    os.ftruncate(fd, PAGES * MIB2)
    os.posix_fallocate(fd, 0, PAGES * MIB2)
    os.close(fd)


def private() -> None:
    """Private pages, copied on write in a child."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB
    with mmap.mmap(-1, 2 * MIB2, flags=flags) as memory:
        memory[0] = 1
        child = os.fork()
        if child == 0:
            memory[0] = 2
            os._exit(0)
        os.waitpid(child, 0)


WAYS: tuple[Callable[[], None], ...] = (shared, unmapped, private)


def main(seed: int) -> None:
    """Churn until standard input ends."""
    rng = random.Random(seed)
    print("churning", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        # Where the pool is empty for a moment, the next round may find pages again.
        with contextlib.suppress(OSError):
            rng.choice(WAYS)()


if __name__ == "__main__":
    main(int(sys.argv[1]))
