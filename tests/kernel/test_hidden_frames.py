"""Accounts of an unprivileged user: what may be counted twice is a bound, and said to be one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.cases import MIB2, extra_pages

pytestmark = pytest.mark.kernel

SCRIPT = Path(__file__).with_name("forked_as_nobody.py")
GIVE_UP_AFTER_S = 60


def account(forks: int) -> dict[str, Any]:
    """What nobody sees of one private page that it shares with so many children."""
    if os.geteuid() != 0:
        pytest.skip("no root: there is no other user to become")
    with extra_pages(MIB2, 1):
        done = subprocess.run(
            [sys.executable, str(SCRIPT), str(forks)],
            capture_output=True,
            text=True,
            timeout=GIVE_UP_AFTER_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def test_a_page_of_its_own_is_no_guess() -> None:
    seen = account(0)
    assert (seen["mapped"], seen["guessed"]) == (1, 0)
    assert seen["unattributed"] is not None


def test_a_page_shared_by_a_fork_may_be_counted_twice() -> None:
    seen = account(1)
    assert (seen["mapped"], seen["guessed"], seen["unattributed"]) == (2, 1, None)
    assert seen["notes"][0].startswith("up to 1 page of those mapped may be counted twice")


def test_what_root_s_processes_hold_is_not_taken_for_nothing() -> None:
    (note,) = account(0)["notes"]
    assert note.startswith("pages kept by a descriptor, a file or a segment are at least so many")
