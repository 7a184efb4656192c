"""Reading of files with one entry a VMA ends with the last entry that is wanted."""

import os
import re
from pathlib import Path

import pytest

from hugescope_agent.kernel import upto
from hugescope_agent.kernel.upto import read_through, read_up_to

HEAD = re.compile(rb"^([0-9a-f]+) ", re.MULTILINE)
TEXT = b"".join(b"%08x default file=/lib N0=1\n" % (start << 12) for start in range(1, 60))


def read(path: Path, va: int) -> tuple[bytes, int]:
    """What was given, and how far the file was read."""
    file = path / "numa_maps"
    file.write_bytes(TEXT)
    fd = os.open(file, os.O_RDONLY)
    try:
        return read_up_to(fd, va, HEAD), os.lseek(fd, 0, os.SEEK_CUR)
    finally:
        os.close(fd)


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64, 1 << 16])
def test_whole_entries_that_begin_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    monkeypatch.setattr(upto, "_CHUNK_BYTES", chunk_bytes)
    text, reached = read(tmp_path, 0x5000)
    assert text == b"".join(TEXT.splitlines(keepends=True)[:4])
    assert reached <= len(text) + len("00005000 ") + chunk_bytes


def test_all_of_it_where_nothing_lies_above(tmp_path: Path) -> None:
    assert read(tmp_path, 1 << 40)[0] == TEXT


def test_nothing_where_all_lies_above(tmp_path: Path) -> None:
    assert read(tmp_path, 0x1000)[0] == b""


SMAPS = b"".join(
    b"%08x-%08x rw-s 00000000 00:0b 42 /x%s\nRss: 4 kB\nVmFlags: rd wr\n"
    % (start << 16, (start << 16) + 0x8000, b"y" * (start % 7))
    for start in range(1, 90)
)
ENTRIES = [b"%08x-" % (start << 16) for start in range(1, 90)]


def smaps_up_to(path: Path, end_va: int) -> tuple[int, bytes, int]:
    """Entries that were given, the text, and how far the file was read."""
    file = path / "smaps"
    file.write_bytes(SMAPS)
    fd = os.open(file, os.O_RDONLY)
    try:
        text = read_through(fd, end_va)
        return text.count(b"VmFlags"), text, os.lseek(fd, 0, os.SEEK_CUR)
    finally:
        os.close(fd)


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64, 2048, 1 << 16])
@pytest.mark.parametrize(
    ("end_va", "entries"),
    [
        (0x58000, 5),  # where the fifth ends
        (0x58001, 5),  # nothing ends there: what begins below
        (0x60000, 5),  # where the sixth begins
        (0x60001, 6),  # inside of it
        (0x10000, 0),
        (89 * 0x10000 + 0x8000, 89),
        (1 << 40, 89),
    ],
)
def test_smaps_ends_with_the_last_wanted_vma(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int, end_va: int, entries: int
) -> None:
    monkeypatch.setattr(upto, "_ENTRY_BYTES", chunk_bytes)
    found, text, reached = smaps_up_to(tmp_path, end_va)
    assert found == entries
    assert SMAPS.startswith(text)
    assert SMAPS[len(text) : len(text) + 9] in {b"", *ENTRIES[entries : entries + 1]}
    assert reached <= len(text) + len("00050000-00058000 ") + max(chunk_bytes, 1)


def test_what_would_hold_a_process_up_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of many thousand mappings: none of them is read rather than all."""
    monkeypatch.setattr(upto, "MOST_BYTES", 500)
    with pytest.raises(OSError, match="hold the process up"):
        read(tmp_path, 1 << 40)
    (tmp_path / "smaps").write_bytes(b"00400000-00401000 r--p\nVmFlags: rd\n" * 30)
    fd = os.open(tmp_path / "smaps", os.O_RDONLY)
    try:
        with pytest.raises(OSError, match="hold the process up"):
            read_through(fd, 1 << 40)
    finally:
        os.close(fd)
