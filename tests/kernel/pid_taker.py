"""Run a program under a pid of choice: ``python pid_taker.py PID PROGRAM ARGUMENT...``.

By clone3() with set_tid (Linux 5.5), which takes CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. It waits
for the program, and ends with 17 (EEXIST) where the pid is somebody's. It imports nothing of ours.
"""

import ctypes
import os
import signal
import struct
import sys

CLONE3 = 435
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def main(pid: int, command: list[str]) -> int:
    """The exit code of the program, or the number of an error."""
    wanted = ctypes.c_int(pid)
    # struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls,
    # set_tid, set_tid_size.
    address = ctypes.addressof(wanted)
    arguments = struct.pack("=10Q", 0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, address, 1)
    child = libc.syscall(CLONE3, arguments, len(arguments))
    if child < 0:
        return ctypes.get_errno()
    if child == 0:
        os.execv(command[0], command)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
