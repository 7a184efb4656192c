"""Lines of /proc/PID/maps, and what a file gives that knows no PROCMAP_QUERY."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.maps import MapsLine, VmaQuery, parse, parse_line, procmap_query_works
from hugescope_agent.kernel.root import Root
from tests.unit.wire.made_wire import many

GOOD = b"""\
00400000-00401000 r--p 00000000 fe:01 10                                 /prog
55d0c0000000-55d0c0021000 rw-p 00000000 00:00 0                          [heap]
7e0000000000-7e0001000000 rw-s 00200000 00:0b 42                         /memfd:my ram (deleted)
7e1000000000-7e1000200000 ---p 00000000 00:00 0 
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
"""  # noqa: W291 - the kernel ends a line without a path so


def test_every_kind_of_line() -> None:
    lines = parse(GOOD, "maps")
    assert [line.path for line in lines] == [
        "/prog",
        "[heap]",
        "/memfd:my ram (deleted)",
        "",
        "[stack]",
        "[vsyscall]",
    ]
    assert lines[2] == MapsLine(
        0x7E0000000000,
        0x7E0001000000,
        True,
        0x200000,
        (0, 11),
        42,
        "/memfd:my ram (deleted)",
    )
    assert lines[0].device == (0xFE, 1)
    assert lines[5].end == 0xFFFFFFFFFF601000


def test_as_huge_keeps_all() -> None:
    vma = parse(GOOD, "maps")[2].as_huge(2 << 20)
    assert (vma.cell_count, vma.shared, vma.offset, vma.inode) == (8, True, 0x200000, 42)


@pytest.mark.parametrize(
    "name",
    [
        b"/tmp/a\rb",
        b"/tmp/a\vb\fc\x1cd\x85e",
        b"/tmp/\xe2\x80\xa8x",
        b"/tmp/  two  spaces",
        b"/tmp/x\t",
        b"/tmp/-:- 00:00",
        b"/memfd:\\777 (deleted)",
        b"/tmp/\xff\xfe",
    ],
    ids=range(8),
)
def test_a_name_cannot_end_the_line(name: bytes) -> None:
    """The kernel escapes the newline and nothing else, and any process may map any name."""
    line = b"7f0000000000-7f0000001000 r--p 00000000 00:0b 42 " + name
    found = parse(GOOD + line + b"\n" + GOOD, "maps")
    assert len(found) == 13
    assert (found[6].start, found[6].inode) == (0x7F0000000000, 42)
    assert found[6].path == name.decode("utf-8", "replace")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"x",
        b"7f00-7f01",
        b"7f0000000000 r--p 00000000 00:0b 42 /x",
        b"7f0000000000-7f0000001000 r--x 00000000 00:0b 42 /x",
        b"7f0000000000-7f0000001000 r--p 00000000 00:0b -1 /x",
        b"7f0000000000-7f0000001000 r--p 00000000 000b 42 /x",
        b"7F0000000000-7F0000001000 r--p 00000000 00:0b 42 /x",
        b"7f0000001000-7f0000000000 r--p 00000000 00:0b 42 /x",
        b"7f0000001000-7f0000001000 r--p 00000000 00:0b 42 /x",
        b"7f0000000000-7f0000001000 r--p 00000000 00:0b 42/x",
        b"\0\xff",
    ],
    ids=range(12),
)
def test_what_is_no_line_is_named_with_its_place(line: bytes) -> None:
    with pytest.raises(BadCapture, match=r"^proc/9/maps:7: "):
        parse(GOOD + line + b"\n", "proc/9/maps")


@given(st.binary(max_size=80))
@many
def test_noise_is_a_bad_capture_or_a_line(noise: bytes) -> None:
    with suppress(BadCapture):
        parse_line(noise, "maps:1")


@given(
    st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"")), st.integers(0, (1 << 64) - 1)
)
@many
def test_any_path_and_offset_come_back(path: bytes, offset: int) -> None:
    head = f"7f0000000000-7f0000001000 rwxs {offset:08x} 103:05 18446744073709551615 ".encode()
    line = parse_line(head + b" " * 20 + path, "maps:1")
    assert (line.offset, line.device, line.inode) == (offset, (0x103, 5), (1 << 64) - 1)
    if b"\\012" not in path:
        assert line.path == path.lstrip(b" ").decode("utf-8", "replace")


def test_a_plain_file_knows_no_query(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/version").write_text("Linux version 6.12.1\n")
    (tmp_path / "maps").write_bytes(GOOD)
    root = Root.at(str(tmp_path))
    with open(root.open("maps"), "rb") as file:
        assert not procmap_query_works(file.fileno())
        with pytest.raises(OSError):
            VmaQuery().huge_vmas(file.fileno())


def test_a_hundred_thousand_lines() -> None:
    """A captured process may have as many mappings as it likes."""
    count = 100_000
    text = b"".join(b"%x-%x r--p 0 00:01 7 /x\n" % (at, at + 1) for at in range(count))
    assert len(parse(text, "maps")) == count
