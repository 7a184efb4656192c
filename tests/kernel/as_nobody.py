"""Looks at itself without privileges: ``python as_nobody.py PID DUMPABLE`` prints what it saw.

It gives up root first, maps two huge pages of its own and touches one. With DUMPABLE 0 its own
/proc files belong to root, as those of a program with file capabilities do.
"""

import ctypes
import json
import mmap
import os
import sys

from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.sampler import Sampler
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame
from hugescope_wire.host import Source
from hugescope_wire.picture import HostPicture

NOBODY = 65534
PR_SET_DUMPABLE = 4
MIB2 = 2 << 20


def main(other_pid: int, dumpable: bool) -> None:
    """Print capabilities, limits, skipped, and the mappings of itself and of the other process."""
    # Modules that are loaded later may lie where nobody may read.
    picture = HostPicture()
    json.dumps({})
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, int(dumpable), 0, 0, 0)
    fd = os.memfd_create("own", os.MFD_HUGETLB)
    os.ftruncate(fd, 2 * MIB2)
    memory = mmap.mmap(fd, 2 * MIB2)
    memory[0] = 1
    files = HostFiles(Root.at("/"))
    sampler = Sampler(files, Source(kind="live"))
    sample = sampler.full()
    picture.apply(decode_frame(encode_frame(FrameKind.FULL, 1, sample.about, sample.blocks)))
    assert picture.about is not None
    answer = {
        "capabilities": picture.about.capabilities.model_dump(),
        "limits": [limit.capability for limit in picture.about.limits],
        "skipped": picture.about.skipped.model_dump(),
        "why": sampler.why_skipped(other_pid),
        "processes": {
            process.pid: [mapping.model_dump() for mapping in process.mappings]
            for process in picture.snapshot(frozenset({os.getpid(), other_pid})).processes
        },
        "own": os.getpid(),
    }
    print(json.dumps(answer), flush=True)
    sampler.close()
    files.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "1")
