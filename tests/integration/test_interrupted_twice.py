"""Ctrl-C twice ends a server as once does: in order, and without a word of Python's."""

import contextlib
import signal
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.access import base_of
from tests.kernel.commands import PATIENCE_S, command


@pytest.mark.parametrize("words", [("serve",), ("demo", "--replay")], ids=" ".join)
def test_a_second_interrupt_while_it_ends(words: tuple[str, ...]) -> None:
    with command(*words, "--port", "0") as running:
        netloc = urlsplit(base_of(running.line("http://"))).netloc
        with contextlib.closing(HTTPConnection(netloc, timeout=PATIENCE_S)) as kept:
            kept.request("GET", "/api/v1/health")
            kept.getresponse().read()
            running.process.send_signal(signal.SIGINT)
            # It closes what waits for another request: it is about to end.
            with contextlib.suppress(ConnectionResetError):
                assert kept.sock.recv(1) == b""
        code = running.end(signal.SIGINT)
        # The second may come wherever it likes.
        assert code in (0, 130)
        assert not any("Traceback" in line for line in running.rest())
