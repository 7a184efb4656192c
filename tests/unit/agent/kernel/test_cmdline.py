"""Arguments of processes, from the kernel's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from hugescope_agent.kernel.cmdline import arguments, cgroup
from hugescope_agent.kernel.root import Root


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "proc/41").mkdir(parents=True)
    return Root(str(tmp_path), live=False)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"qemu\0-name\0a b\0", ["qemu", "-name", "a b"]),
        (b"title without an end", ["title without an end"]),
        (b"a\0\0b\0", ["a", "", "b"]),
        (b"\xff\0", ["\ufffd"]),
        (b"", [""]),
        (b"x" * (1 << 18), None),
    ],
)
def test_each_argument_ends_with_a_nul(root: Root, raw: bytes, expected: list[str] | None) -> None:
    Path(root.path, "proc/41/cmdline").write_bytes(raw)
    assert arguments(root, 41) == expected


def test_what_cannot_be_read_is_not_known(root: Root) -> None:
    assert arguments(root, 41) is None
    assert cgroup(root, 41) is None
    Path(root.path, "proc/41/cmdline").mkdir()
    assert arguments(root, 41) is None


def test_cgroup_is_the_text_of_the_file(root: Root) -> None:
    Path(root.path, "proc/41/cgroup").write_text("0::/machine.slice/a.scope\n")
    assert cgroup(root, 41) == "0::/machine.slice/a.scope"
