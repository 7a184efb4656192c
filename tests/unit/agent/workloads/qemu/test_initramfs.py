"""The archive, read back by the description of its format."""

from __future__ import annotations

import stat

from hugescope_agent.workloads.qemu.initramfs import Entry, archive, initramfs


def unpack(data: bytes) -> dict[str, tuple[int, bytes, tuple[int, int]]]:
    """Mode, content and device by name, in order; checks what the format asks for."""
    found: dict[str, tuple[int, bytes, tuple[int, int]]] = {}
    at = 0
    while True:
        assert at % 4 == 0
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        _, mode, _, _, _, _, size, _, _, major, minor, name_bytes, check = fields
        assert check == 0
        name = data[at + 110 : at + 110 + name_bytes]
        assert name[-1:] == b"\0"
        begin = (at + 110 + name_bytes + 3) // 4 * 4
        at = (begin + size + 3) // 4 * 4
        if name == b"TRAILER!!!\0":
            assert data[at:] == b""
            return found
        found[name[:-1].decode()] = (mode, data[begin : begin + size], (major, minor))


def test_what_is_packed_comes_out() -> None:
    entries = [
        Entry("dir", stat.S_IFDIR | 0o755),
        Entry("dir/odd", stat.S_IFREG | 0o644, b"12345"),
        Entry("dir/even", stat.S_IFREG | 0o644, b"12345678"),
        Entry("dir/null", stat.S_IFCHR | 0o666, device=(1, 3)),
    ]
    assert unpack(archive(entries)) == {
        one.name: (one.mode, one.data, one.device) for one in entries
    }


def test_the_guest_has_what_it_boots_with() -> None:
    found = unpack(initramfs(b"ELF"))
    assert found["bin/busybox"] == (stat.S_IFREG | 0o755, b"ELF", (0, 0))
    assert found["dev/console"] == (stat.S_IFCHR | 0o600, b"", (5, 1))
    mode, script, _ = found["init"]
    assert mode == stat.S_IFREG | 0o755
    assert script.startswith(b"#!/bin/busybox sh\n")
    names = list(found)
    assert all(
        names.index(name.rpartition("/")[0]) < names.index(name) for name in names if "/" in name
    )
