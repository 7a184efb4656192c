"""Reading of files with one entry a VMA ends with the last entry that is wanted."""

import os
import re
from pathlib import Path

import pytest

from hugescope_agent.kernel import upto
from hugescope_agent.kernel.upto import read_up_to

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
