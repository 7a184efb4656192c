"""Looks at processes as user nobody: ``python as_tier.py CAPABILITIES [SOCKET]`` answers one JSON
line for each line of pids.

CAPABILITIES are those it keeps, by comma, "" for none; SOCKET is an opener's.
"""

import ctypes
import errno
import json
import mmap
import os
import sys
from typing import Any

from hugescope_agent import privileges
from hugescope_agent.kernel.asking import AskedOpener
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.tiers import tiers
from hugescope_agent.sampler import Sampler
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame
from hugescope_wire.host import Source
from hugescope_wire.picture import HostPicture

NOBODY = 65534
PR_SET_DUMPABLE = 4
MIB2 = 2 << 20
FILES = ("maps", "smaps", "pagemap")


def main(keep: list[str], socket: str | None) -> None:
    """Give up root, map two huge pages of its own and touch one, answer."""
    HostPicture()
    privileges.become(NOBODY, NOBODY, keep)
    if socket is None:
        # As any program that such a user starts. With an opener not even its own files are open.
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    fd = os.memfd_create("own", os.MFD_HUGETLB)
    os.ftruncate(fd, 2 * MIB2)
    memory = mmap.mmap(fd, 2 * MIB2)
    memory[0] = 1
    root = Root.at("/", None if socket is None else AskedOpener(socket))
    for line in sys.stdin:
        print(json.dumps(look(root, json.loads(line))), flush=True)


def look(root: Root, pids: list[int]) -> dict[str, Any]:
    """What is seen of these processes and of itself, and by what."""
    files = HostFiles(root)
    sampler = Sampler(files, Source(kind="live"))
    picture = HostPicture()
    try:
        sample = sampler.full()
        picture.apply(decode_frame(encode_frame(FrameKind.FULL, 1, sample.about, sample.blocks)))
        report = sampler.survey(thorough=True)
        assert picture.about is not None
        return {
            "own": os.getpid(),
            "caps": privileges.permitted(),
            "capabilities": files.capabilities.model_dump(),
            "limits": [limit.capability for limit in picture.about.limits],
            "why": [sampler.why_skipped(pid) for pid in pids],
            "opened": {name: opened(f"/proc/{pids[0]}/{name}") for name in FILES},
            "asked": {name: asked(root, f"proc/{pids[0]}/{name}") for name in FILES},
            "tiers": {tier.name: tier.held for tier in tiers(root, pfn=files.capabilities.pfn)},
            "processes": {
                process.pid: [mapping.model_dump() for mapping in process.mappings]
                for process in picture.snapshot(frozenset({os.getpid(), *pids})).processes
            },
            "holdings": [held.model_dump() for held in report.holdings],
        }
    finally:
        sampler.close()
        files.close()


def opened(name: str) -> str:
    """How the kernel itself answers: "" or the name of an errno."""
    try:
        os.close(os.open(name, os.O_RDONLY))
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return ""


def asked(root: Root, name: str) -> str:
    """The same by the root, an opener's answer where there is one."""
    try:
        os.close(root.open(name))
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return ""


if __name__ == "__main__":
    main([name for name in sys.argv[1].split(",") if name], next(iter(sys.argv[2:]), None))
