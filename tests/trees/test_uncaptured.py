"""The captured series whose pagemap holds one mapping only: every step of it, by the commands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hugescope.cli import app
from hugescope_agent.model.mapping import TrackedMapping
from tests.trees.conftest import unpack
from tests.unit.agent.follower import Follower

HELD = 0x7E2000000000
STEPS = [f"step{number:02}" for number in range(24)]


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The steps as they were captured."""
    return unpack("hgm-v2-timeline", tmp_path_factory.mktemp("series"))


def told(capsys: pytest.CaptureFixture[str], command: str, step: Path) -> dict[str, Any]:
    """What a command prints of a step, as JSON."""
    app([command, "--json", "--root", str(step)], standalone_mode=False)
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer, dict)
    return answer


def smaps_bytes(step: Path) -> dict[int, int]:
    """What smaps counts in each hugetlb mapping, by start."""
    entries = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", (step / "proc/41/smaps").read_text())
    return {
        int(entry.partition("-")[0], 16): sum(
            int(kb) for kb in re.findall(r"(?m)^(?:Shared|Private)_Hugetlb: +(\d+) kB", entry)
        )
        * 1024
        for entry in entries
        if re.search(r"(?m)^VmFlags:.* ht ", entry)
    }


@pytest.mark.parametrize("name", STEPS)
def test_every_step_by_every_command(
    series: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    step = series / name
    counted = smaps_bytes(step)
    shown = told(capsys, "snapshot", step)
    mappings = {m["start"]: m for m in shown["processes"][0]["mappings"]}
    assert set(mappings) == set(counted)
    for start, mapping in mappings.items():
        assert sum(mapping["level_bytes"].values()) == counted[start]
        present = sum(run["mapped_bytes"] * run["count"] for run in mapping["runs"])
        if start == HELD:
            assert present == counted[start]
            continue
        assert [(run["state"], run["flags"]) for run in mapping["runs"]] == [("hole", ["inferred"])]
    pool = told(capsys, "pool", step)
    assert "sigbus" not in json.dumps(pool)
    found = told(capsys, "findings", step)
    codes = {finding["code"] for finding in found["findings"]}
    assert not codes & {"sigbus-risk", "poisoned-page", "lost-page"}
    assert f"entries of {len(counted) - 1} mappings" in json.dumps(found)
    app(["snapshot", "--root", str(step)], standalone_mode=False)
    assert "(smaps)" in capsys.readouterr().out


def test_the_series_as_one_host(series: Path) -> None:
    """As a replay goes through it."""
    host = Follower(series / STEPS[0])
    host.full()
    for number, name in enumerate(STEPS[1:], 1):
        host.use(series / name)
        host.tick(number * 0.7)
        unknown = [m for m in host.sampler.view.mappings() if m.uncaptured]
        assert len(unknown) == len(smaps_bytes(series / name)) - 1
        held = next(m for m in host.sampler.view.mappings() if m.vma.start == HELD)
        assert present(held) == smaps_bytes(series / name)[HELD]
    host.close()


def present(mapping: TrackedMapping) -> int:
    """Bytes that it maps."""
    return int(mapping.cells.mapped_pages.sum()) * 4096
