"""`make soak` runs and leaves no descriptor open in the server, not even a history's.

Memory is not judged here.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_descriptors_are_as_many_as_before_when_all_have_left() -> None:
    command = [sys.executable, "-m", "bench.soak", "--minutes", "0.2", "--only-check"]
    few = ["--agents", "10", "--viewers", "10"]
    done = subprocess.run([*command, *few], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:] + done.stdout
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["fds_after"] == figures["fds_before"]
    assert figures["viewers_came"] >= 10
