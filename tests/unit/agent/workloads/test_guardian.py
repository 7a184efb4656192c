import json
import os
import subprocess

import pytest

from hugescope_agent.workloads import guardian
from hugescope_agent.workloads.child import module_argv, module_environment
from tests.unit.agent.workloads.kernel_model import MIB2, write_pool


def run(root, *, pages=3, page_size_bytes=MIB2, extra=()):
    """Run a guardian whose owner is gone from the start."""
    arguments = {
        "--page-size-bytes": page_size_bytes,
        "--pages": pages,
        "--min-pages": pages,
        "--sysfs": root,
    }
    return subprocess.run(
        module_argv(
            "hugescope_agent.workloads.guardian",
            *(f"{name}={value}" for name, value in arguments.items()),
            *extra,
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=module_environment(),
        check=False,
    )


def test_an_owner_that_died_early_gets_nothing_added(tmp_path):
    directory = write_pool(tmp_path, total=2)
    ended = run(tmp_path)
    assert ended.returncode == 1
    assert "could get 0" in json.loads(ended.stdout)["unavailable"]
    assert (directory / "nr_hugepages").read_text() == "2\n"
    assert ended.stderr == b""


def test_it_says_why_there_are_none(tmp_path):
    write_pool(tmp_path)
    ended = run(tmp_path / "elsewhere")
    assert ended.returncode == 1
    assert ended.stderr.count(b"\n") == 0
    assert "no hugetlbfs" in json.loads(ended.stdout)["unavailable"]


def test_an_owner_that_hears_nothing_does_not_stop_it(monkeypatch):
    read_end, write_end = os.pipe()
    os.close(read_end)
    monkeypatch.setattr(guardian, "STDOUT", write_end)
    assert guardian._say({"left": 0}) is False
    os.close(write_end)


@pytest.mark.parametrize("flag", ["--pages=many", "--unknown"])
def test_a_bad_flag_ends_it_before_it_touches_anything(tmp_path, flag):
    directory = write_pool(tmp_path)
    assert run(tmp_path, extra=[flag]).returncode == 2
    assert (directory / "nr_hugepages").read_text() == "0\n"
