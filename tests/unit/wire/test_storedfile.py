"""Files that are read piece by piece while they grow."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from hugescope_wire.storedfile import StoredFile


def test_what_is_there_now_and_what_came_since(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"0123456789")
    file = StoredFile(path)
    assert file.read(2, 3) == b"234"
    assert file.read(8, 100) == b"89"
    assert file.read(10, 5) == file.read(99, 5) == b""
    with path.open("ab") as more:
        more.write(b"abc")
    assert file.size_bytes == 13
    assert file.read(8, 100) == b"89abc"


def test_a_window_at_the_end_takes_no_more_room_than_there_are_bytes(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(bytes(1000))
    file = StoredFile(path)
    tracemalloc.start()
    try:
        assert file.read(990, 1 << 20) == bytes(10)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 10_000
