"""The systemd units: valid, and as closed as they can be."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "deploy/systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
EXPOSURE_AT_MOST = 1.8
"""A plain unit has 9.6."""

GIVE_UP_AFTER_S = 60
NEVER = ("PrivateUsers", "ProcSubset", "ProtectProc")
"""In a unit that looks at processes: it would see less than its capabilities give."""


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units with a program that is there."""
    if shutil.which("systemd-analyze") is None:
        # CI installs it; elsewhere not everybody has it.
        assert "CI" not in os.environ, "no systemd-analyze: install systemd"
        pytest.skip("no systemd-analyze (package systemd)")
    place = tmp_path_factory.mktemp("units")
    for unit in UNITS.glob("hugescope-*"):
        text = unit.read_text().replace("/usr/bin/hugescope", "/bin/true")
        (place / unit.name).write_text(text)
    return place


def analyze(*arguments: str) -> str:
    """What systemd-analyze says; it has to be content."""
    done = subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments],
        capture_output=True,
        text=True,
        timeout=GIVE_UP_AFTER_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def settings_of(name: str) -> dict[str, list[str]]:
    """Every setting of a unit, with all its values."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text().splitlines():
        if match := re.fullmatch(r"([A-Za-z]+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def test_there_is_a_unit_for_each_part() -> None:
    assert [f"hugescope-{name}.service" for name in ("agent", "opener", "server")] == SERVICES


def test_systemd_finds_nothing_wrong(units: Path) -> None:
    assert analyze("verify", *map(str, sorted(units.iterdir()))) == ""


@pytest.mark.parametrize("name", SERVICES)
def test_they_are_little_exposed(units: Path, name: str) -> None:
    said = analyze("security", "--offline=true", str(units / name))
    level = re.search(r"Overall exposure level for \S+ ([0-9.]+)", said)
    assert level is not None, said
    assert float(level[1]) <= EXPOSURE_AT_MOST, said


@pytest.mark.parametrize("name", ["hugescope-agent.service", "hugescope-opener.service"])
def test_what_looks_at_processes_sees_them(name: str) -> None:
    assert not set(NEVER) & set(settings_of(name))


def test_only_the_opener_has_capabilities_and_it_has_no_network() -> None:
    for name in ("hugescope-agent.service", "hugescope-server.service"):
        found = settings_of(name)
        assert found["CapabilityBoundingSet"] == [""]
        assert "AmbientCapabilities" not in found
    opener = settings_of("hugescope-opener.service")
    assert opener["AmbientCapabilities"] == opener["CapabilityBoundingSet"]
    assert opener["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert opener["PrivateNetwork"] == ["yes"]


def test_nothing_runs_as_root() -> None:
    for name in SERVICES:
        found = settings_of(name)
        assert found.get("User", []) not in (["root"], ["0"])
        assert "User" in found or found["DynamicUser"] == ["yes"]


def test_each_user_is_made() -> None:
    made = re.findall(r"^u (\S+)", (UNITS / "hugescope.sysusers.conf").read_text(), re.MULTILINE)
    users = {settings_of(name)["User"][0] for name in SERVICES if "User" in settings_of(name)}
    assert set(made) == users
    (command,) = settings_of("hugescope-opener.service")["ExecStart"]
    (reader,) = re.findall(r"--reader (\S+)", command)
    assert [reader] == settings_of("hugescope-agent.service")["User"]
    assert [reader] == settings_of("hugescope-opener.socket")["SocketUser"]
