import os
import signal

import pytest

from hugescope_agent.workloads import supervisor
from hugescope_agent.workloads.supervisor import (
    PEER_GONE_STATUS,
    Ending,
    Lines,
    Supervisor,
    why_failed,
)


def test_both_ended_well():
    assert (
        why_failed([Ending("hs-source", 0, ""), Ending("hs-destination", 0, "a warning")]) is None
    )


@pytest.mark.parametrize(
    ("status", "line", "reason"),
    [
        (1, "mmap at 0x0: no", "hs-source: mmap at 0x0: no"),
        (3, "", "hs-source: ended with status 3"),
        (-signal.SIGKILL, "", "hs-source was ended by SIGKILL"),
        (-signal.SIGTERM, "", "hs-source was ended by SIGTERM"),
        (128 + signal.SIGTERM, "", "hs-source was ended by SIGTERM"),
        (128 + signal.SIGINT, "", "hs-source was ended by SIGINT"),
        (-signal.SIGBUS, "", "hs-source was ended by SIGBUS: no huge page was left for a touch"),
    ],
)
def test_a_failure_is_told_in_a_line(status, line, reason):
    assert why_failed([Ending("hs-source", status, line)]) == reason


def test_the_cause_is_named_and_not_who_suffered_from_it():
    suffered = Ending("hs-source", PEER_GONE_STATUS, "the other side has ended")
    cause = Ending("hs-destination", 1, "wrong content")
    ended_by_us = Ending("hs-source", 128 + signal.SIGTERM, "")
    assert why_failed([suffered, cause]) == "hs-destination: wrong content"
    assert why_failed([cause, ended_by_us]) == "hs-destination: wrong content"
    assert why_failed([suffered]) == "hs-source: the other side has ended"


def test_lines_are_put_together():
    lines = Lines()
    assert lines.feed(b"") == []
    assert lines.feed(b"ab") == []
    assert lines.feed(b"c\n\n  \nde\nf") == [b"abc", b"de"]
    assert lines.end() == [b"f"]
    assert lines.end() == []


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """However long a busy machine keeps a side waiting, it ends by itself."""
    monkeypatch.setattr(supervisor, "END_WAIT_S", 600.0)


def run(monkeypatch, tmp_path, source: str, destination: str, *, stop=False):
    """Run two scripts of a test in place of the sides; the reason, and what they told."""
    (tmp_path / "sides.py").write_text(
        "import os, signal, sys, time\n"
        "peer = int(sys.argv[2].partition('=')[2])\n"
        f"exec({{'source': {source!r}, 'destination': {destination!r}}}[sys.argv[1]])\n"
    )
    monkeypatch.setattr(supervisor, "MODULE", "sides")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    told: list[object] = []
    watcher = Supervisor(("hs-source", "hs-destination"), [], told.append)
    if stop:
        watcher.stop()
    try:
        return watcher.run(), told
    finally:
        watcher.close()


WAIT_FOR_THE_OTHER = "os.read(peer, 1); sys.exit(75)"
READY = 'print(\'{"ready": {"start_va": 1, "size_bytes": 2, "page_size_bytes": 3}}\')\n'


def test_two_sides_that_end_well(monkeypatch, tmp_path):
    reason, told = run(monkeypatch, tmp_path, READY, READY)
    assert reason is None
    assert len(told) == 2


def test_the_last_line_on_stderr_is_the_reason(monkeypatch, tmp_path):
    failing = "sys.exit('first\\nthe pool is empty\\n\\n')"
    assert run(monkeypatch, tmp_path, failing, WAIT_FOR_THE_OTHER)[0] == (
        "hs-source: the pool is empty"
    )


def test_a_side_that_does_not_notice_is_ended(monkeypatch, tmp_path):
    reason, _ = run(monkeypatch, tmp_path, "signal.pause()", "sys.exit('no')")
    assert reason == "hs-destination: no"


def test_a_side_that_ignores_sigterm_is_killed(monkeypatch, tmp_path):
    monkeypatch.setattr(supervisor, "END_WAIT_S", 0.0)
    deaf = "signal.signal(15, signal.SIG_IGN); os.write(peer, b'x')\nwhile True: signal.pause()"
    assert run(monkeypatch, tmp_path, deaf, "os.read(peer, 1); sys.exit('no')")[0] == (
        "hs-destination: no"
    )


def test_a_side_that_is_ending_is_not_disturbed(monkeypatch, tmp_path):
    """Its peer sees its socket end first; a signal to it then would hide its own reason."""
    ending = (
        "import socket; mine = socket.socket(fileno=peer); mine.shutdown(socket.SHUT_WR)\n"
        "mine.recv(1); sys.exit('the real reason')"
    )
    assert run(monkeypatch, tmp_path, WAIT_FOR_THE_OTHER, ending)[0] == (
        "hs-destination: the real reason"
    )


def test_stopping_is_no_failure(monkeypatch, tmp_path):
    assert run(monkeypatch, tmp_path, "signal.pause()", "signal.pause()", stop=True)[0] is None


def test_babble_is_refused_and_both_are_ended(monkeypatch, tmp_path):
    babble = "print('hello', flush=True); signal.pause()"
    reason, _ = run(monkeypatch, tmp_path, "signal.pause()", babble)
    assert reason is not None
    assert "hs-destination said b'hello'" in reason


def test_an_interpreter_that_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(supervisor, "module_argv", lambda *_: ["/nowhere/python"])
    assert "/nowhere/python" in (run(monkeypatch, tmp_path, "", "")[0] or "")
