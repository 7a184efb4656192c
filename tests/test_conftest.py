"""The rule of conftest.py, seen from outside: a small suite of its own under pytest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest

@pytest.mark.kernel
def test_kernel_skip():
    pytest.skip("no root")

@pytest.mark.browser
@pytest.mark.skipif(True, reason="no browser")
def test_browser_skip():
    pass

@pytest.fixture
def page():
    pytest.skip("no 1 GiB page to be had: asked for 1 more, the pool grew by 0")

@pytest.mark.kernel
def test_allowed_skip(page):
    pass

def test_plain_skip():
    pytest.skip("not here")
"""
WHOLE_MODULE = "import pytest\npytest.skip('no root', allow_module_level=True)\n"
SETTINGS = "[pytest]\nmarkers =\n    kernel: x\n    browser: x\n"


@pytest.mark.parametrize(
    ("ci", "expected"),
    [("true", "1 failed, 2 skipped, 2 errors"), ("", "5 skipped")],
)
def test_skips_of_kernel_and_browser_tests_fail_in_ci(
    tmp_path: Path, ci: str, expected: str
) -> None:
    rule = Path(__file__).with_name("conftest.py").read_text()
    (tmp_path / "conftest.py").write_text(rule)
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    (tmp_path / "test_marked.py").write_text(SUITE)
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "test_whole.py").write_text(WHOLE_MODULE)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--continue-on-collection-errors",
        ],
        cwd=tmp_path,
        env={**os.environ, "CI": ci, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected in done.stdout
    assert ("CI must run this, but it was skipped: no root" in done.stdout) == bool(ci)
