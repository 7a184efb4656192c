"""The opener beside a made tree, and a reader that asks it: no root, no kernel."""

from __future__ import annotations

import array
import errno
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugescope_agent import opener
from hugescope_agent.kernel import privileged
from hugescope_agent.kernel.asking import AskedOpener
from hugescope_agent.kernel.descriptors import descriptors
from hugescope_agent.kernel.root import Root
from hugescope_agent.opener import Opener, converse
from tests.unit.open_files import open_files

WAIT_S = 20


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A proc of one process, with links that lead out of it."""
    top = tmp_path_factory.mktemp("host")
    process = top / "proc/9"
    (process / "fd").mkdir(parents=True)
    (process / "ns").mkdir()
    (process / "task/10").mkdir(parents=True)
    (process / "maps").write_bytes(b"these are maps")
    (process / "task/10/wchan").write_bytes(b"handle_userfault")
    (process / "smaps").symlink_to("maps")
    (process / "ns/mnt").symlink_to("mnt:[1]")
    (process / "fd/3").symlink_to(process / "maps")
    (process / "fd/4").symlink_to("/nowhere/\udcff")
    (process / "mountinfo").write_text("1 2 0:3 / /huge rw - tmpfs none rw\n")
    (top / "secret").write_text("secret")
    (top / "proc/8").symlink_to(top / "proc/9")
    return top


@cache
def served(top: Path) -> Opener:
    """The opener of this tree, which keeps a descriptor for good."""
    return Opener.at(str(top))


@contextmanager
def talking(top: Path) -> Iterator[socket.socket]:
    """The reader's end of a conversation."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    thread = threading.Thread(target=converse, args=(theirs, served(top)))
    thread.start()
    ours.settimeout(WAIT_S)
    with ours:
        yield ours
    thread.join(WAIT_S)
    assert not thread.is_alive()


def read(fd: int) -> bytes:
    """All of it, and close it."""
    with os.fdopen(fd, "rb") as file:
        return file.read()


def test_a_file_its_copy_and_data(tree: Path) -> None:
    with talking(tree) as connection:
        asked = AskedOpener(connection)
        assert read(asked.open("proc/9/maps")) == b"these are maps"
        assert read(asked.open("proc/9/task/10/wchan")) == b"handle_userfault"
        links = asked.data("links", "proc/9/fd")
        assert links == {"3": str(tree / "proc/9/maps"), "4": "/nowhere/\udcff"}
        text, status = asked.data("look", "proc/9/fd/3")
        assert text == links["3"]
        assert status[6] == len(b"these are maps")
        assert asked.data("look", "proc/9/fd/4") == ["/nowhere/\udcff", None]


def test_a_root_that_asks(tree: Path) -> None:
    with talking(tree) as connection:
        root = Root(str(tree), live=True, asked=AskedOpener(connection))
        assert root.read("proc/9/maps") == b"these are maps"
        assert root.link("proc/9/ns/mnt") == "mnt:[1]"
        assert root.read("secret") == b"secret"
        with descriptors(root, 9) as held:
            found = dict(held.links())
            status = held.status("3", found["3"])
            assert status is not None
            assert (status.st_size, status.st_blksize) == (14, os.stat(tree / "secret").st_blksize)
            assert held.status("3", "another file by now") is None


@pytest.mark.parametrize(
    ("request_", "number"),
    [
        ("open secret", errno.EPERM),
        ("open proc/9/../../secret", errno.EPERM),
        ("open proc/9/mem", errno.EPERM),
        ("open proc/7/maps", errno.ENOENT),
        ("open proc/9/smaps", errno.ELOOP),
        ("open proc/8/maps", errno.ELOOP),
        ("look proc/9/fd/5", errno.ENOENT),
        ("nonsense", errno.EPERM),
        ("", errno.EPERM),
        ("\udcff\udcfe \udcff", errno.EPERM),
    ],
)
def test_what_is_refused_and_how(tree: Path, request_: str, number: int) -> None:
    with pytest.raises(OSError, match=r".") as refused:
        served(tree).answer(os.fsencode(request_))
    assert refused.value.errno == number


def test_a_mount_that_is_no_hugetlbfs_is_not_walked(tree: Path) -> None:
    fd = served(tree).answer(b"walk proc/9/root/huge")
    assert json.loads(read(fd)) is None


@settings(max_examples=300, deadline=None)
@given(request_=st.one_of(st.binary(max_size=80), st.text(max_size=40).map(os.fsencode)))
def test_whatever_is_said_nothing_is_opened_off_the_list(tree: Path, request_: bytes) -> None:
    """No other error than an errno, and nothing that can be written."""
    try:
        fd = served(tree).answer(request_)
    except (OSError, ValueError):
        return
    verb, _, name = os.fsdecode(request_).partition(" ")
    assert privileged.is_listed(verb, name)
    with pytest.raises(OSError, match=r"."):
        os.write(fd, b"x")
    os.close(fd)


def test_what_is_no_request_ends_the_conversation(tree: Path) -> None:
    for packet in (b"", b"abc", b"x" * (privileged.MAX_REQUEST_BYTES + 1)):
        with talking(tree) as connection:
            connection.send(packet)
            assert connection.recv(8) == b""


def test_descriptors_that_a_reader_sends_are_dropped(tree: Path) -> None:
    before = open_files()
    with talking(tree) as connection:
        rights = array.array("i", [0, 0])
        packet = privileged.REQUEST.pack(5) + b"open proc/9/mem"
        connection.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        answer = connection.recv(privileged.ANSWER.size)
        assert privileged.ANSWER.unpack(answer) == (5, errno.EPERM)
        # Both ends of the conversation and the root of it.
        assert len(open_files() - before) <= 3


def test_only_a_few_answers_wait_for_who_does_not_take_them(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds a descriptor in flight; and then the reader is let go."""
    monkeypatch.setattr(opener, "TAKE_WITHIN_S", 1)
    given_out: list[bytes] = []
    real = Opener.answer

    def counted(self: Opener, request: bytes) -> int:
        given_out.append(request)
        return real(self, request)

    monkeypatch.setattr(Opener, "answer", counted)
    with talking(tree) as connection:
        for number in range(100):
            try:
                connection.send(privileged.REQUEST.pack(number) + b"open proc/9/maps")
            except OSError:
                break
        for thread in threading.enumerate():
            if thread.name.endswith("(converse)"):
                thread.join(WAIT_S)
    assert 1 <= len(given_out) < 30


def test_an_answer_to_an_earlier_question_is_passed_over(tree: Path) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, open(tree / "secret") as late, open(tree / "proc/9/maps") as right:
        asked = AskedOpener(ours)
        socket.send_fds(theirs, [privileged.ANSWER.pack(99, 0)], [late.fileno()])
        socket.send_fds(theirs, [privileged.ANSWER.pack(0, 0)], [right.fileno()])
        assert read(asked.open("proc/9/maps")) == b"these are maps"


@pytest.mark.parametrize("answer", [b"", b"123", privileged.ANSWER.pack(0, 0)])
def test_an_opener_that_answers_nonsense(answer: bytes) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        asked = AskedOpener(ours)
        theirs.send(answer) if answer else theirs.shutdown(socket.SHUT_RDWR)
        with pytest.raises(OSError, match=r".") as failed:
            asked.open("proc/9/maps")
        assert failed.value.errno in (errno.EACCES, errno.EMFILE)
        asked.close()


def test_one_socket_a_path_and_no_file_is_lost(tmp_path: Path) -> None:
    place = str(tmp_path / "socket")
    uid, gid = os.geteuid(), os.getegid()
    with opener.bound(place, uid, gid), pytest.raises(OSError, match="in use"):
        opener.bound(place, uid, gid)
    opener.bound(place, uid, gid).close()
    (tmp_path / "file").write_text("kept")
    with pytest.raises(OSError, match="in use"):
        opener.bound(str(tmp_path / "file"), uid, gid)
    assert (tmp_path / "file").read_text() == "kept"


def test_a_peer_of_another_user_is_let_go(tmp_path: Path, tree: Path) -> None:
    place = str(tmp_path / "socket")
    listening = opener.bound(place, os.geteuid(), os.getegid())
    for uid, answered in ((os.geteuid() + 1, False), (os.geteuid(), True)):
        thread = threading.Thread(
            target=opener.serve, args=(listening, served(tree), uid), daemon=True
        )
        thread.start()
        asked = AskedOpener(place)
        if answered:
            assert read(asked.open("proc/9/maps")) == b"these are maps"
        else:
            with pytest.raises(PermissionError, match="does not answer"):
                asked.open("proc/9/maps")
        asked.close()
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(WAIT_S)
        assert not thread.is_alive()
        listening.close()
        listening = opener.bound(place, os.geteuid(), os.getegid())
    listening.close()


def test_a_socket_of_systemd_is_ours_by_pid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    assert opener.passed_by_systemd() is None
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    assert opener.passed_by_systemd() == 3
