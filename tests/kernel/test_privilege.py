"""As a non-root user with just the capabilities of each tier, and with none but an opener beside:
what the tier allows is seen, no more and no less.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from hugescope_agent import opener as opener_module
from hugescope_agent import privileges
from hugescope_agent.kernel import perf, privileged
from hugescope_agent.kernel.asking import AskedOpener
from hugescope_agent.kernel.root import Root
from tests.kernel import cases
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.commands import PATIENCE_S, command, free_port, get, mappings_of, until
from tests.kernel.puppets import LOOKS, Mappings, all_capabilities, fresh_look, puppet

pytestmark = pytest.mark.kernel

READER = Path(__file__).with_name("as_tier.py")
NOBODY = 65534

TIERS = {
    "nothing": "",
    "maps": "PERFMON",
    "page tables": "PERFMON,DAC_READ_SEARCH",
    "frames": "SYS_ADMIN,DAC_READ_SEARCH",
    "descriptors": "SYS_ADMIN,DAC_READ_SEARCH,SYS_PTRACE",
}
HELD = {
    "nothing": ["counters"],
    "maps": ["counters", "maps"],
    "page tables": ["counters", "maps", "page tables"],
    "frames": ["counters", "maps", "page tables", "frames", "mapped files"],
    "descriptors": ["counters", "maps", "page tables", "frames", "descriptors", "mapped files"],
}


class Reader:
    """A process of user nobody that looks when it is told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def look(self, *pids: int) -> dict[str, Any]:
        """What it sees of these processes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(pids) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the reader ended with code {self._process.wait()}"
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer


@contextmanager
def reader(*arguments: str) -> Iterator[Reader]:
    """One that ends with the block."""
    if os.geteuid() != 0:
        pytest.skip("no root: there is no other user to become")
    with subprocess.Popen(
        [sys.executable, str(READER), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Reader(process)
        finally:
            process.kill()


@contextmanager
def opener(*, reader_uid: int = NOBODY) -> Iterator[str]:
    """An opener that runs as nobody and answers this user; its socket."""
    if os.geteuid() != 0:
        pytest.skip("no root: an opener has nothing to open with")
    with tempfile.TemporaryDirectory(prefix="hs-opener-") as directory:
        os.chmod(directory, 0o755)
        path = f"{directory}/socket"
        words = ["opener", "--socket", path, "--reader", str(reader_uid), "--user", str(NOBODY)]
        with command(*words):
            until(lambda: os.path.exists(path), "an opener's socket")
            yield path


def ours(shown: dict[str, Any], *pids: int) -> dict[int, Mappings]:
    """The mappings of these processes, by pid."""
    found = {int(pid): mappings for pid, mappings in shown["processes"].items()}
    return {pid: found[pid] for pid in pids if pid in found}


def without(shown: dict[int, Mappings], *facts: str) -> list[list[dict[str, Any]]]:
    """The cells of every mapping, without these facts and without what follows from counts."""
    return [
        [
            {key: value for key, value in run.items() if key not in (*facts, "first", "count")}
            | {"flags": [flag for flag in run["flags"] if flag != "shared_table"]}
            for run in mapping["runs"]
            for _ in range(run["count"])
        ]
        for mappings in shown.values()
        for mapping in mappings
    ]


@pytest.fixture(scope="module")
def extra_page() -> Iterator[None]:
    """What every reader touches itself: one page each, of this module's readers one at a time
    but for that of the opener.
    """
    with extra_pages(MIB2, 4):
        yield


@pytest.fixture(scope="module")
def by_opener(extra_page: None) -> Iterator[Reader]:
    """A reader without any capability, beside an opener."""
    with opener() as path, reader("", path) as found:
        yield found


@pytest.fixture(scope="module", params=list(cases.ALL))
def case(request: pytest.FixtureRequest) -> Iterator[cases.Case]:
    """Each kind of mapping in turn, in processes of root that stand still."""
    with cases.ALL[request.param]() as made:
        yield made


def test_through_the_opener_all_that_root_sees(case: cases.Case, by_opener: Reader) -> None:
    """Cell for cell; the reader itself may open nothing."""
    all_capabilities()
    for _ in range(LOOKS):
        expected = fresh_look(*case.pids)
        found = by_opener.look(*case.pids)
        if expected == fresh_look(*case.pids):
            break
    else:
        pytest.fail("the page tables of an idle process did not stand still")
    assert set(expected) == set(case.pids)
    assert ours(found, *case.pids) == expected
    assert found["caps"] == 0
    assert set(found["opened"].values()) == {"EACCES"}
    assert set(found["asked"].values()) == {""}
    assert found["capabilities"] == all_capabilities().model_dump()


def test_through_the_opener_its_own_pages_too(case: cases.Case, by_opener: Reader) -> None:
    found = by_opener.look(*case.pids)
    (mapping,) = ours(found, found["own"])[found["own"]]
    first, second = mapping["runs"]
    assert (first["state"], first["mapcount"], second["state"]) == ("mapped", 1, "hole")


@pytest.mark.parametrize("tier", TIERS)
def test_each_tier_gives_what_it_allows(extra_page: None, tier: str) -> None:
    """Of a process of root, and of its own."""
    all_capabilities()
    with cases.aliased_memfd() as case, reader(TIERS[tier]) as nobody:
        expected = fresh_look(*case.pids)
        found = nobody.look(*case.pids)
    level = list(TIERS).index(tier)
    assert bin(found["caps"]).count("1") == len([c for c in TIERS[tier].split(",") if c])
    refused = dict.fromkeys(("maps", "smaps", "pagemap"), "EACCES")
    if level >= 1:
        refused |= {"maps": "", "smaps": ""}
    if level >= 2:
        refused |= {"pagemap": ""}
    assert found["opened"] == found["asked"] == refused
    assert found["capabilities"]["kpageflags"] == (level >= 2)
    assert found["capabilities"]["pfn"] == (level >= 3)
    assert [name for name, held in found["tiers"].items() if held] == HELD[tier]
    shown = ours(found, *case.pids)
    if level < 2:
        assert shown == {}
        what = "maps" if level == 0 else "pagemap"
        assert found["why"] == [f"proc/{pid}/{what}: Permission denied" for pid in case.pids]
    elif level == 2:
        unknown = without(shown)
        assert {(run["mapcount"], run["node"]) for m in unknown for run in m if told(run)} == {
            (None, None)
        }
        assert without(shown, "mapcount", "node") == without(expected, "mapcount", "node")
    else:
        assert shown == expected
    (own,) = ours(found, found["own"])[found["own"]]
    assert (own["runs"][0]["state"], own["runs"][1]["state"]) == ("mapped", "hole")
    known = own["runs"][0]["mapcount"] is not None and own["runs"][0]["node"] is not None
    assert known == (level >= 3)


def told(run: dict[str, Any]) -> bool:
    """Whether there is a page to be told of."""
    return bool(run["state"] != "hole")


def test_private_pages_without_frames_have_no_mappers(extra_page: None) -> None:
    """Whether a parent and its child show the same page is in the frame numbers alone."""
    with cases.forked_private() as case, reader(TIERS["page tables"]) as nobody:
        shown = ours(nobody.look(*case.pids), *case.pids)
    private = [m for mappings in shown.values() for m in mappings if not m["shared"]]
    assert private
    present = [run for mapping in private for run in mapping["runs"] if told(run)]
    assert {run["mappers"] for run in present} == {None}


def test_what_is_kept_open_takes_its_own_tier(extra_page: None, by_opener: Reader) -> None:
    """Pages of a memfd that nobody maps: told with CAP_SYS_PTRACE and by the opener alike."""
    with extra_pages(MIB2, 2), puppet() as process:
        process.do("memfd", 0, 2)
        process.do("touch", 0, [0, 1])
        process.do("unmap", 0)
        asked = held_by(by_opener.look(process.pid), process.pid)
        found = {}
        for tier in ("frames", "descriptors"):
            with reader(TIERS[tier]) as nobody:
                found[tier] = held_by(nobody.look(process.pid), process.pid)
    (held,) = asked
    assert (held["by"], held["pages"]) == ("fd", 2)
    assert found == {"frames": [], "descriptors": asked}


def held_by(shown: dict[str, Any], pid: int) -> list[dict[str, Any]]:
    """What a process keeps beside page tables."""
    return [
        held for held in shown["holdings"] if pid in {holder["pid"] for holder in held["holders"]}
    ]


def test_what_only_has_a_name_is_found_through_the_opener(by_opener: Reader) -> None:
    """A file of a hugetlbfs in a directory that is root's alone."""
    with extra_pages(MIB2, 2), cases.mounted_hugetlbfs(MIB2) as place, puppet() as process:
        os.chmod(place, 0o700)
        process.do("file", 0, 2, str(place / "left"))
        process.do("touch", 0, [1])
        inode = os.stat(place / "left").st_ino
        process.kill()
        found = by_opener.look(os.getpid())["holdings"]
        (held,) = [one for one in found if one["file"]["name"] == str(place / "left")]
    assert (held["by"], held["pages"], held["file"]["inode"]) == ("hugetlbfs", 1, inode)


def test_what_the_kernel_shows_by_who_reads() -> None:
    """Some files are not told by who opened them: the opener passes on what it read itself."""
    with opener(reader_uid=0) as path, puppet() as process:
        asked, plain = Root.at("/", AskedOpener(path)), Root.at("/")
        sleeping = f"proc/{process.pid}/task/{process.pid}/wchan"
        assert until(lambda: plain.read(sleeping) != b"0", "a process that waits")
        for name in (sleeping, "proc/iomem", f"proc/{process.pid}/fdinfo/0"):
            assert asked.read(name) == plain.read(name)
            assert len(plain.read(name)) > 1
        assert asked.link(f"proc/{process.pid}/ns/mnt") == plain.link("proc/self/ns/mnt")
        assert asked.asked is not None
        asked.asked.close()


def test_faults_of_a_process_of_root_through_the_opener(by_opener: Reader) -> None:
    """Whose faults an agent without capabilities may otherwise not see."""
    found = by_opener.look(os.getpid())
    assert perf.CAPABILITY not in found["limits"]
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
    with opener() as path:
        pid = int(subprocess.check_output(["pgrep", "-f", f"opener.*{path}"]).split()[0])
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
    """Whether there is no room for one more request."""
    try:
        connection.send(request)
    except BlockingIOError:
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


def test_an_agent_that_drops_all_shows_what_root_sees() -> None:
    """`hugescope agent --drop-to nobody`, by the server's word."""
    if os.geteuid() != 0:
        pytest.skip("no root: there is nothing to drop")
    port = free_port()
    with cases.aliased_memfd() as case, command("serve", "--port", str(port)) as server:
        server.line("HugeScope is at")
        words = ("--server", f"ws://127.0.0.1:{port}", "--host-id", "here", "--drop-to", "nobody")
        with command("agent", *words) as agent:
            agent.line("->")
            url = f"http://127.0.0.1:{port}/api/v1/hosts/here/snapshot"
            expected = [(one["start"], one["runs"]) for one in fresh_look(case.pid)[case.pid]]
            until(lambda: mappings_of(get(url), case.pid) == expected, "the cells that root sees")
            with open(f"/proc/{agent.process.pid}/status") as file:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    assert status["Uid"].split() == [str(NOBODY)] * 4
    assert int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
