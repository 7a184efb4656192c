"""A process with the command line of a QEMU that takes a migration in: its memory is registered
with userfaultfd, and touched, when it is told to.

It answers each line of standard input with one. A touch that waits keeps it from answering, until
somebody else brings the page.
"""

import ctypes
import mmap
import os
import queue
import sys
import threading

from hugescope_agent.workloads.userfault import UFFD_FEATURE_MISSING_HUGETLBFS, Userfaultfd

PAGES = 4
PAGE_BYTES = 2 << 20


def processor(orders: "queue.SimpleQueue[int]", done: "queue.SimpleQueue[None]") -> None:
    """Touch addresses, as a guest's processor does: in a thread that was there from the start."""
    while True:
        ctypes.string_at(orders.get(), 1)
        done.put(None)


def main() -> None:
    """Serve until standard input ends."""
    fd = os.memfd_create("memory-backend-memfd", os.MFD_HUGETLB)
    os.ftruncate(fd, PAGES * PAGE_BYTES)
    memory = mmap.mmap(fd, PAGES * PAGE_BYTES)
    start_va = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    orders, done = queue.SimpleQueue[int](), queue.SimpleQueue[None]()
    threading.Thread(target=processor, args=(orders, done), daemon=True).start()
    faults: Userfaultfd | None = None
    print(start_va, flush=True)
    for line in sys.stdin:
        command, *numbers = line.split()
        if command == "probe":
            Userfaultfd.open().close()
        elif command == "register":
            faults = Userfaultfd.open()
            faults.handshake(UFFD_FEATURE_MISSING_HUGETLBFS)
            faults.register_missing(start_va, PAGES * PAGE_BYTES)
        elif command == "close" and faults is not None:
            faults.close()
        for number in numbers:
            orders.put(start_va + int(number))
            done.get()
        print(faults.fileno() if faults else -1, flush=True)


main()
