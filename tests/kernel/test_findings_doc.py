"""The reproductions in docs/findings.md, run as they stand there."""

import os
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.snapshot_command import GIVE_UP_AFTER_S

TEXT = (Path(__file__).parents[2] / "docs/findings.md").read_text()
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PARTS = re.split(r"^## `([a-z-]+)`$", TEXT, flags=re.MULTILINE)
SCRIPTS = {
    code: block[1]
    for code, section in zip(PARTS[1::2], PARTS[2::2], strict=True)
    if (block := BLOCK.search(section))
}
NEEDS = {
    "idle-pool": ("a pool that nobody uses", "[ $(cat $pool/nr_hugepages) = 0 ]"),
    "cgroup-limit-hit": (
        "the hugetlb controller in cgroup v2",
        "grep -qs hugetlb $(findmnt -n -o TARGET -t cgroup2 | head -n 1)/cgroup.controllers",
    ),
    "guest-memory-unmapped": ("/dev/kvm with guest_memfd", "[ -w /dev/kvm ]"),
    "partial-view": ("setpriv", "command -v setpriv"),
    "unattributed-pages": ("unshare", "command -v unshare"),
}
"""What a reproduction needs beyond root and pages: in words, and to try."""

pytestmark = pytest.mark.kernel


def shell(script: str) -> subprocess.CompletedProcess[str]:
    setup = BLOCK.search(TEXT)
    assert setup is not None
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", setup[1] + script],
        capture_output=True,
        text=True,
        timeout=GIVE_UP_AFTER_S,
        check=False,
        env=os.environ | {"PATH": path, "PYTHONPATH": ""},
    )


@pytest.mark.parametrize("code", SCRIPTS)
def test_a_reproduction_shows_its_finding(code: str) -> None:
    with extra_pages(MIB2, 0):
        pass  # skips without root
    what, check = NEEDS.get(code, ("", "true"))
    if shell(check).returncode:
        pytest.skip(f"needs {what}")
    done = shell(SCRIPTS[code])
    assert re.search(rf"^[A-Z]+  {code}$", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert done.stderr == ""
