"""Lines of mountinfo."""

import pytest

from hugescope_agent.kernel.mountinfo import Mount, parse


def test_a_line() -> None:
    text = "36 35 98:0 /base /place rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
    assert list(parse(text)) == [
        Mount((98, 0), "/base", "/place", "ext3", ("rw", "errors=continue"))
    ]


def test_escaped_characters() -> None:
    (mount,) = parse(r"31 24 0:29 /a\134b /x\040y\011z\012 rw - fuse.sshfs none rw")
    assert (mount.base, mount.point) == ("/a\\b", "/x y\tz\n")
    assert mount.type == "fuse.sshfs"


def test_options_may_be_missing() -> None:
    (mount,) = parse("31 24 0:29 / /x rw - hugetlbfs none")
    assert mount.options == ()


@pytest.mark.parametrize(
    "line",
    ["", "x", " - tmpfs none rw", "31 24 0:29 / /x rw", "31 24 029 / /x rw - tmpfs none rw"],
)
def test_what_is_no_line_is_passed_over(line: str) -> None:
    assert list(parse(line)) == []
