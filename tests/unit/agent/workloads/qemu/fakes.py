"""Machines whose QEMU is a program of the tests."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from hugescope_agent.workloads.qemu.commandline import GuestFiles, Places
from hugescope_agent.workloads.qemu.machine import Machine
from hugescope_agent.workloads.qemu.plan import GuestPlan

PLAN = GuestPlan()


def fake_files(directory: Path) -> GuestFiles:
    """A QEMU that is none; it must be called as it is, so that it is found by its path."""
    program = directory / "qemu-system-x86_64"
    fake = Path(__file__).parent / "fake_qemu.py"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {fake} "$@"\n')
    program.chmod(0o755)
    return GuestFiles(program, Path("/k"), Path("/i"))


def machine(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str = "source",
    *,
    incoming: bool = False,
    **told: Any,
) -> Machine:
    """One whose QEMU does as it is told; the monkeypatch counts when it is started."""
    monkeypatch.setenv("FAKE_QEMU", json.dumps(told))
    return Machine(PLAN, fake_files(directory), Places(directory, name), incoming=incoming)
