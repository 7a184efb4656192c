"""What `hugescope demo` makes of its flags."""

from typing import Any

import pytest
from typer.testing import CliRunner

from hugescope.cli import app
from hugescope.commands import demo
from hugescope.errors import CommandError
from hugescope_agent.workloads.qemu.plan import MIB, GuestPlan

GIB = 1 << 30


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The plans that were to be shown with QEMU; nothing is."""
    plans: list[Any] = []
    monkeypatch.setattr(demo, "Listening", lambda settings: None)
    monkeypatch.setattr(demo, "show", lambda *given: plans.append(given))
    return plans


@pytest.mark.parametrize(
    ("flags", "size", "page_size", "rate", "writes"),
    [
        ([], 512 * MIB, 2 * MIB, 16 * MIB, 60),
        (["--page-size", "1G"], GIB, GIB, 128 * MIB, 60),
        (["--size", "256M", "--rate", "64M", "--touches", "5"], 256 * MIB, 2 * MIB, 64 * MIB, 5),
    ],
)
def test_a_guest_has_sizes_of_its_own(
    shown: list[Any], flags: list[str], size: int, page_size: int, rate: int, writes: float
) -> None:
    done = CliRunner().invoke(app, ["demo", "--qemu", *flags])
    assert done.exit_code == 0, done.output
    plan: GuestPlan = shown[0][0]
    assert (plan.size_bytes, plan.page_size_bytes) == (size, page_size)
    assert (plan.precopy_bytes_per_s, plan.postcopy_bytes_per_s) == (2 * rate, rate)
    assert plan.writes_per_s == writes


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--size", "64M"], "--size: a guest needs 192 MiB at least"),
        (["--rate", "1K"], "--rate: 1024.0 is not 1 MiB or more"),
        (["--page-size", "3M"], "--page-size: 3145728 is not a page size"),
        (["--size", "lots"], "--size lots: not a size"),
        (["--size", "900T"], "twice that is needed"),
        (["--replay"], "--qemu and --replay: give one of them"),
    ],
)
def test_what_cannot_be_names_its_flag(shown: list[Any], flags: list[str], words: str) -> None:
    done = CliRunner().invoke(app, ["demo", "--qemu", *flags])
    assert isinstance(done.exception, CommandError)
    assert words in str(done.exception)
    assert shown == []


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--replay", "--hgm"], "--replay and --hgm: give one of them"),
        (["--kernel", "/boot/vmlinuz"], "--kernel: only --qemu has a guest"),
    ],
)
def test_flags_that_would_do_nothing_are_refused(
    shown: list[Any], flags: list[str], words: str
) -> None:
    done = CliRunner().invoke(app, ["demo", *flags])
    assert isinstance(done.exception, CommandError)
    assert words in str(done.exception)
