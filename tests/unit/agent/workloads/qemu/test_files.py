"""What is missing on a machine is told by the name of its package."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hugescope_agent.workloads.errors import GuestUnavailable
from hugescope_agent.workloads.qemu.commandline import GuestFiles
from hugescope_agent.workloads.qemu.files import guest_files, is_static, major_version

KERNEL = bytes(0x202) + b"HdrS"


def elf(*kinds: int) -> bytes:
    """An x86-64 ELF program with these program headers."""
    head = bytearray(64)
    head[:5] = b"\x7fELF\x02"
    struct.pack_into("<Q", head, 0x20, 64)
    struct.pack_into("<HH", head, 0x36, 56, len(kinds))
    return bytes(head) + b"".join(struct.pack("<I", kind) + bytes(52) for kind in kinds)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is all of PATH, on x86-64; with a kernel beside it."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    (tmp_path / "kernel").write_bytes(KERNEL)
    return directory


def put(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o755)


def qemu(version: str) -> bytes:
    return f"#!/bin/sh\necho 'QEMU emulator version {version}'\n".encode()


def ask(machine: Path) -> GuestFiles:
    return guest_files(machine.parent / "kernel", machine.parent, lambda line: None)


def test_everything_is_there(machine: Path) -> None:
    put(machine / "qemu-system-x86_64", qemu("10.0.2 (Debian)"))
    put(machine / "busybox", elf(1, 2))
    there = ask(machine)
    assert there.qemu == machine / "qemu-system-x86_64"
    assert there.kernel == machine.parent / "kernel"
    assert elf(1, 2) in there.initramfs.read_bytes()


def test_missing_packages_are_named(machine: Path) -> None:
    with pytest.raises(GuestUnavailable, match="install qemu-system-x86 and busybox-static first"):
        ask(machine)
    put(machine / "busybox", elf())
    with pytest.raises(GuestUnavailable, match="install qemu-system-x86 first"):
        ask(machine)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (qemu("7.2.15"), "QEMU 8 or newer is needed, this is 7"),
        (b"#!/bin/sh\necho what >&2\n", "--version says 'what', expected a version"),
        (b"#!/none\n", "does not run"),
    ],
)
def test_a_qemu_that_will_not_do(machine: Path, program: bytes, words: str) -> None:
    put(machine / "qemu-system-x86_64", program)
    put(machine / "busybox", elf())
    with pytest.raises(GuestUnavailable, match=words):
        ask(machine)


def test_a_busybox_with_libraries_will_not_do(machine: Path) -> None:
    put(machine / "qemu-system-x86_64", qemu("8.0"))
    put(machine / "busybox", elf(1, 3))
    with pytest.raises(GuestUnavailable, match="shared libraries: install busybox-static"):
        ask(machine)


def test_another_architecture(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(GuestUnavailable, match="x86-64 one, and this is riscv64"):
        ask(machine)


def test_static_programs() -> None:
    assert is_static(elf())
    assert is_static(elf(1, 6))
    for other in (elf(3), elf(1, 3), b"", b"#!/bin/sh\n", b"\x7fELF\x01" + bytes(90), elf(1)[:64]):
        assert not is_static(other)


def test_versions() -> None:
    assert major_version("QEMU emulator version 10.0.2 (Debian 1:10)") == 10
    assert major_version("") is None
