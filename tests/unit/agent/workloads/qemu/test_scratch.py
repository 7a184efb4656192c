import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from hugescope_agent.workloads.child import module_environment
from hugescope_agent.workloads.qemu.scratch import ScratchDirectory

OWNER = """
import os, sys
from hugescope_agent.workloads.qemu.scratch import ScratchDirectory
with ScratchDirectory("hs-test-") as scratch:
    (scratch.path / "file").write_text("x")
    print(scratch.path, flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), 9)
"""


def test_it_is_there_within_its_context() -> None:
    scratch = ScratchDirectory("hs-test-")
    with scratch:
        path = scratch.path
        (path / "below").mkdir()
        assert path.stat().st_mode & 0o777 == 0o700
    assert not path.exists()
    with pytest.raises(RuntimeError, match="within the context"):
        _ = scratch.path


def test_it_goes_when_its_owner_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=module_environment(),
    ) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        path = Path(owner.stdout.readline().strip())
        assert (path / "file").exists()
        below = Path(f"/proc/{owner.pid}/task/{owner.pid}/children").read_text().split()
        assert len(below) == 1
        remover = os.pidfd_open(int(below[0]))
        owner.stdin.close()
        assert owner.wait() == -9
        select.select([remover], [], [])
        os.close(remover)
        assert not path.exists()
