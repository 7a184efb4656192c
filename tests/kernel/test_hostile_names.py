"""A process that names itself, its memory and its files as an attacker would: every command shows
that as text, and no control character reaches a terminal.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.cases import MIB2, extra_pages, mounted_hugetlbfs
from tests.kernel.host_pool import skip_without_pool
from tests.kernel.puppets import Puppet, puppet

pytestmark = pytest.mark.kernel

ADDRESS = "7d0000000000"
COMM = "\x1b[31m<b>\udcff[b]"
MEMFD = "=cmd|<img src=x>\x1b[31m\x9b2J\udcff"
FILE = "+f\x1b]0;title\x07\n<script>\udcfe"


@pytest.fixture(scope="module")
def hostile() -> Iterator[Puppet]:
    """It has pages of a memfd and of a file, and one that nobody maps."""
    skip_without_pool()
    with extra_pages(MIB2, 4), mounted_hugetlbfs(MIB2) as top, puppet() as one:
        inside = Path(top) / "\x1b[2J\udcfd"
        os.mkdir(inside)
        try:
            one.do("memfd", 0, 1, MEMFD)
            one.do("touch", 0, [0])
            one.do("file", 1, 2, f"{inside}/{FILE}")
            one.do("touch", 1, [0])
            one.do("unmap", 1)
            one.do("call", COMM)
            yield one
        finally:
            for name in os.listdir(inside):
                os.unlink(inside / name)
            os.rmdir(inside)


def said(*arguments: str) -> str:
    """What a command prints, its errors too, and how it ended."""
    done = subprocess.run(
        [sys.executable, "-m", "hugescope", *arguments], capture_output=True, check=False
    )
    text = (done.stdout + done.stderr).decode("utf-8")
    assert done.returncode == 0, text
    return text


def obeyed(text: str) -> list[str]:
    """What a terminal would act on, newlines aside."""
    return [c for c in text if not c.isprintable() and c != "\n"]


def commands(pid: int) -> list[tuple[str, ...]]:
    return [
        ("snapshot", "--runs"),
        ("-vv", "snapshot", "--json", "--pid", str(pid)),
        ("pool",),
        ("pool", "--json"),
        ("page", "--pid", str(pid), "--address", ADDRESS),
        ("findings", "--evidence"),
        ("doctor",),
    ]


def test_no_command_lets_a_name_act_on_the_terminal(hostile: Puppet) -> None:
    texts = {command: said(*command) for command in commands(hostile.pid)}
    assert {command: found for command, text in texts.items() if (found := obeyed(text))} == {}
    for command in (("snapshot", "--runs"), ("pool",)):
        assert "\\x1b[31m<b>\ufffd[b]" in texts[command].replace("\n", ""), command
    assert "<img src=x>" in texts["snapshot", "--runs"]
    assert "\\u009b2J" in texts["-vv", "snapshot", "--json", "--pid", str(hostile.pid)]
    assert "<script>" in texts["pool", "--json"]
