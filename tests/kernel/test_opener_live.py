"""An opener on the real kernel: what it passes, whom it refuses, what it holds itself."""

from __future__ import annotations

import errno
import os
import signal
import socket
import stat
import tempfile
from contextlib import ExitStack

import pytest

from hugescope_agent import opener as opener_module
from hugescope_agent import privileges
from hugescope_agent.kernel import perf, privileged
from hugescope_agent.kernel.asking import AskedOpener
from hugescope_agent.kernel.root import Root
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.commands import PATIENCE_S, command, until
from tests.kernel.puppets import puppet
from tests.kernel.tier_readers import NOBODY, opener, opener_process

pytestmark = pytest.mark.kernel


def test_what_the_kernel_shows_by_who_reads() -> None:
    """Some files are not told by who opened them: the opener passes on what it read itself."""
    with opener(reader_uid=0) as path, puppet() as process:
        asked, plain = Root.at("/", AskedOpener(path)), Root.at("/")
        # Done with its start, in which it waits for this and that.
        process.do("call", "puppet")
        sleeping = f"proc/{process.pid}/task/{process.pid}/wchan"
        assert until(lambda: plain.read(sleeping) != b"0", "a process that waits")
        for name in (sleeping, "proc/iomem", f"proc/{process.pid}/fdinfo/0"):
            assert asked.read(name) == plain.read(name)
            assert len(plain.read(name)) > 1
        assert asked.link(f"proc/{process.pid}/ns/mnt") == plain.link("proc/self/ns/mnt")
        assert asked.asked is not None
        asked.asked.close()


def test_faults_of_a_process_of_root() -> None:
    """Whose faults an agent without capabilities may otherwise not see."""
    with opener(reader_uid=0) as path, extra_pages(MIB2, 2), puppet() as process:
        asked = AskedOpener(path)
        start = process.do("memfd", 0, 2)
        ring = perf.FaultRing(process.pid, asked)
        process.do("touch", 0, [1])
        seen = ring.take()
        assert seen is not None
        assert start + MIB2 in seen.address.tolist()
        ring.close()
        asked.close()


def test_a_peer_of_another_user_is_refused() -> None:
    """Root may connect, whatever the mode of the socket; it is not answered."""
    with opener() as path:
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert os.stat(path).st_uid == NOBODY
        with pytest.raises(PermissionError) as refused:
            AskedOpener(path).open("proc/kpagecount")
        assert refused.value.errno == errno.EACCES


def test_the_opener_has_neither_network_nor_other_privileges() -> None:
    with opener_process() as (_, pid):
        with open(f"/proc/{pid}/status") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
    kept = sum(1 << privileges.CAPABILITIES[name] for name in opener_module.KEPT)
    for name in ("CapPrm", "CapEff", "CapBnd"):
        assert int(status[name], 16) & ~kept == 0, name
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
    assert status["Uid"].split() == [str(NOBODY)] * 4
    assert status["NoNewPrivs"] == "1"


def test_nothing_that_is_passed_can_be_written() -> None:
    """Of each kind of answer; root has all that there is to open."""
    own = os.getpid()
    names = ("open proc/kpagecount", f"open proc/{own}/pagemap", f"open proc/{own}/fdinfo/0")
    served = opener_module.Opener.at("/")
    for request in (*names, f"links proc/{own}/fd", f"look proc/{own}/ns/mnt"):
        fd = served.answer(request.encode())
        try:
            with pytest.raises(OSError, match=r"."):
                os.pwrite(fd, b"x", 0)
        finally:
            os.close(fd)


def test_a_flood_hurts_nobody_else() -> None:
    """A reader that asks and never listens, and one that asks nonsense; a third is answered."""
    with opener(reader_uid=0) as path, ExitStack() as stack:
        deaf = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        deaf.connect(path)
        deaf.setblocking(False)
        request = privileged.REQUEST.pack(1) + b"open proc/kpagecount"
        assert any(is_full(deaf, request) for _ in range(100_000))
        rude = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        rude.connect(path)
        rude.settimeout(PATIENCE_S)
        for nonsense in (b"", b"\xff" * 90, b"open", b"open /etc/shadow", b"open proc/1/mem"):
            rude.send(privileged.REQUEST.pack(7) + nonsense)
            if nonsense:
                answer = rude.recv(privileged.ANSWER.size)
                assert privileged.ANSWER.unpack(answer) == (7, errno.EPERM)
            else:
                assert rude.recv(privileged.ANSWER.size) == b""
                rude.close()
                rude = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
                rude.connect(path)
                rude.settimeout(PATIENCE_S)
        good = AskedOpener(path)
        stack.callback(good.close)
        os.close(good.open("proc/kpagecount"))
        until(lambda: hung_up(deaf), "the end of a reader that does not listen")


def is_full(connection: socket.socket, request: bytes) -> bool:
    """Whether there is no room for one more request, or was for so long that the other end left."""
    try:
        connection.send(request)
    except (BlockingIOError, BrokenPipeError, ConnectionResetError):
        return True
    return False


def hung_up(connection: socket.socket) -> bool:
    """Whether the other end was closed: nothing can be sent any more."""
    try:
        connection.send(b"12345")
    except BlockingIOError:
        return False
    except OSError:
        return True
    return False


def test_an_opener_that_comes_back_is_found_again() -> None:
    """Meanwhile what takes privileges is refused, and never read with lesser ones."""
    with tempfile.TemporaryDirectory(prefix="hs-opener-") as directory:
        path = f"{directory}/socket"
        asked = AskedOpener(path)
        for _ in range(2):
            with pytest.raises(PermissionError, match="the opener does not answer"):
                asked.open("proc/kpagecount")
            with command("opener", "--socket", path, "--user", "0") as running:
                fd = until(lambda: opened_by(asked), "an answer")
                running.end(signal.SIGKILL)
            assert os.pread(fd, 8, 0)
            os.close(fd)
        asked.close()


def opened_by(asked: AskedOpener) -> int | None:
    """A descriptor, once the opener is there."""
    try:
        return asked.open("proc/kpagecount")
    except PermissionError:
        return None
