"""`hugescope demo --qemu`: it says where to look, and leaves nothing behind however it ends."""

from __future__ import annotations

import re
import signal
import sys
import time
from pathlib import Path

import pytest

from hugescope_agent.workloads.errors import GuestUnavailable
from hugescope_agent.workloads.qemu.files import guest_files
from tests.kernel.commands import children_of, command, until
from tests.kernel.host_pool import lives, skip_without_pool

pytestmark = pytest.mark.kernel

PAIR = re.compile(r"/#/migration\?pair=[^:]+:(\d+),[^:]+:(\d+)$")


@pytest.fixture(autouse=True)
def _needs_qemu(tmp_path: Path) -> None:
    skip_without_pool()
    try:
        guest_files(None, tmp_path, print)
    except GuestUnavailable as error:
        pytest.skip(str(error))


def scratch(pid: int) -> Path | None:
    """The directory that a QEMU of ours has its files in; None: it is none, or gone."""
    try:
        program, *arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return None
    if not program.startswith("qemu") or "-initrd" not in arguments:
        return None
    return Path(arguments[arguments.index("-initrd") + 1]).parent


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_it_leaves_nothing_behind(number: signal.Signals) -> None:
    with command("demo", "--qemu", "--size", "256M", "--port", "0", "--pause", "600") as demo:
        demo.line("booting the guest")
        match = PAIR.search(demo.line("?pair="))
        assert match is not None
        source, destination = map(int, match.groups())
        below = children_of(demo.process.pid)
        assert {source, destination} <= set(below)
        directory = scratch(source)
        assert directory is not None
        assert directory == scratch(destination)
        code = demo.end(number)
        assert code in ((-number,) if number == signal.SIGKILL else (0, 128 + number))
        until(lambda: not any(map(lives, below)), "the end of all its processes")
        assert not directory.exists()


@pytest.mark.parametrize(
    "numbers",
    [(signal.SIGTERM,), (signal.SIGKILL,), (signal.SIGINT, signal.SIGINT)],
    ids=["term", "kill", "two interrupts"],
)
def test_it_ends_while_the_guest_boots(numbers: tuple[signal.Signals, ...]) -> None:
    with command("demo", "--qemu", "--size", "256M", "--port", "0") as demo:
        demo.line("booting the guest")

        def places() -> list[Path]:
            return list(filter(None, map(scratch, children_of(demo.process.pid))))

        directory, *_ = until(places, "QEMU")
        below = children_of(demo.process.pid)
        *first, last = numbers
        for number in first:
            demo.process.send_signal(number)
            time.sleep(0.1)  # else the two may come as one
        code = demo.end(last)
        # Of two interrupts the second may come wherever it likes.
        known = {signal.SIGTERM: 128 + signal.SIGTERM, signal.SIGKILL: -signal.SIGKILL}
        assert code == known.get(last, code) != 0
        until(lambda: not any(map(lives, below)), "the end of all its processes")
        assert not directory.exists()


def test_what_is_missing_is_told_with_advice(tmp_path: Path) -> None:
    program = f"{sys.executable} -m hugescope demo --qemu --port 0"
    run = ["/usr/bin/env", f"PATH={tmp_path}", f"TMPDIR={tmp_path}", *program.split()]
    with command(run=run) as demo:
        line = demo.line("demo --qemu")
        assert "install qemu-system-x86 and busybox-static first" in line
        assert "`hugescope demo` without --qemu" in line
        assert demo.process.wait() == 1
    assert list(tmp_path.glob("hugescope-*")) == []
