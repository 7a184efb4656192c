import subprocess
import sys
from pathlib import Path

from hugescope_agent.workloads.child import module_argv, module_environment

RUN = "from hugescope_agent.workloads.child import {0}; {1}"


def python(name: str, code: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", RUN.format(name, code)],
        env=module_environment(),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_child_whose_parent_is_gone_ends_at_once():
    ended = python("die_with_parent", "die_with_parent(0); print('lives')")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "started by process 0, which is gone\n"


def test_a_child_of_its_parent_lives():
    ended = python("die_with_parent", "import os; die_with_parent(os.getppid()); print('lives')")
    assert ended.stdout == "lives\n"


def test_the_comm_is_set():
    code = "set_comm('hs-destination'); print(open('/proc/self/comm').read(), end='')"
    assert python("set_comm", code).stdout == "hs-destination\n"


def test_modules_are_found_from_anywhere_and_never_in_the_working_directory(tmp_path):
    (tmp_path / "hugescope_agent.py").write_text("raise SystemExit('the wrong one')\n")
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong one')\n")
    ended = subprocess.run(
        module_argv("hugescope_agent.workloads.postcopy", "--help"),
        env=module_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
