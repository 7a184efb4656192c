"""A short run of `make faults`: every kind of fault once, and some in pairs.

Limits of time are far beyond what anything here takes: a busy machine must not decide. What is left
is that the viewer comes to see what the kernel has, that each restart is told, and that nothing
ends or logs a traceback.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.kinds import KINDS
from tests.kernel.host_pool import skip_without_pool

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]
FAULTS = 14
CALM = ("--longest", "0.6", "--settle", "120", "--limit", "90", "--lag", "90")


def test_after_each_fault_viewers_see_what_the_kernel_has() -> None:
    skip_without_pool()
    command = [sys.executable, "-m", "tests.faults", "--faults", str(FAULTS), "--seed", "1"]
    done = subprocess.run([*command, *CALM], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:] + done.stdout
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["faults"] == FAULTS
    assert set(figures["by_kind"]) == set(KINDS)
    assert figures["gaps_told"].keys() >= {"agent_restarted", "server_restarted"}
    assert figures["points"] > 0
