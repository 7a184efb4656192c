"""An account without privileges: ``python forked_as_nobody.py FORKS`` prints that of 2 MiB pages.

It gives up root, touches one private huge page and forks so many children that share it.
"""

import ctypes
import mmap
import os
import signal
import sys

from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.sampler import Sampler
from hugescope_wire.host import Source

NOBODY = 65534
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
MAP_HUGETLB = 0x40000
MIB2 = 2 << 20


def main(forks: int) -> None:
    """Print the host's account of 2 MiB pages, as JSON."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB
    memory = mmap.mmap(-1, MIB2, flags=flags)
    memory[0] = 1
    children = []
    for _ in range(forks):
        child = os.fork()
        if child == 0:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            signal.pause()
        children.append(child)
    files = HostFiles(Root.at("/"))
    sampler = Sampler(files, Source(kind="live"))
    try:
        sampler.full()
        accounts = sampler.survey().accounts
    finally:
        sampler.close()
        files.close()
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    (account,) = [one for one in accounts if one.page_size == MIB2 and one.node is None]
    print(account.model_dump_json(), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
