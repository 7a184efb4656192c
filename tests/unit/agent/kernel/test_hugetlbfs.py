"""Device numbers of hugetlbfs from mountinfo."""

import pytest

from hugescope_agent.kernel.hugetlbfs import mounted

PLAIN = "25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
HUGE = "31 24 0:29 / /dev/hugepages rw,relatime shared:5 - hugetlbfs hugetlbfs rw,pagesize=2M\n"


def test_hugetlbfs_and_nothing_else() -> None:
    text = PLAIN + HUGE + "40 1 0:300 / /mnt/1g rw master:2 propagate_from:1 - hugetlbfs none rw\n"
    assert mounted(text) == {(0, 29), (0, 300)}
    assert mounted("") == set()
    assert mounted(PLAIN) == set()


def test_no_optional_field_or_several() -> None:
    assert mounted("31 24 0:29 / /x rw - hugetlbfs none rw\n") == {(0, 29)}
    assert mounted("31 24 0:29 / /x rw a b c d - hugetlbfs none rw\n") == {(0, 29)}


def test_a_source_or_place_that_is_called_so_is_not_one() -> None:
    text = "31 24 0:29 / /mnt/\\040-\\040hugetlbfs\\040x rw - tmpfs hugetlbfs rw\n"
    assert mounted(text) == set()
    assert mounted("31 24 0:29 / /x rw - hugetlbfs2 none rw\n") == set()


@pytest.mark.parametrize("odd", ["\v", "\f", "\x1c", "\x85", "\u2028", "\r"])
def test_a_place_with_odd_characters_is_one_line(odd: str) -> None:
    """The kernel escapes space, tab, newline and backslash only."""
    text = f"31 24 0:29 / /mnt/a{odd}b c d rw,relatime - hugetlbfs none rw\n"
    assert mounted(PLAIN + text + PLAIN) == {(0, 29)}


@pytest.mark.parametrize("line", ["", "x", " - hugetlbfs ", "31 24 - hugetlbfs none rw"])
def test_what_is_no_line_is_passed_over(line: str) -> None:
    assert mounted(PLAIN + line + "\n" + HUGE) == {(0, 29)}
