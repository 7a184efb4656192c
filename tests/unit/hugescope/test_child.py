"""An agent that `up` starts, and ends whenever that is asked for."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from hugescope import child
from hugescope.child import AgentProcess

WAITS = (sys.executable, "-S", "-c", "import time; time.sleep(600)")


def test_one_that_is_just_being_started_is_ended_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was waited for, five seconds, and then killed: nobody had told it to end."""
    monkeypatch.setattr(child, "module_argv", lambda *_: list(WAITS))
    starts = threading.Event()
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def slow(*arguments: Any, **more: Any) -> subprocess.Popen[bytes]:
        starts.set()
        time.sleep(0.3)
        started.append(real(*arguments, **more))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", slow)
    said: list[str] = []
    agent = AgentProcess([], said.append)
    agent.start()
    assert starts.wait(60)
    agent.stop()
    (process,) = started
    assert process.wait(60) == -signal.SIGTERM
    assert said == []
