"""Where the guest's kernel comes from; the programs it takes are scripts of the test."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hugescope_agent.workloads.child import module_environment
from hugescope_agent.workloads.errors import GuestUnavailable
from hugescope_agent.workloads.qemu.kernel import (
    cache_directory,
    guest_kernel,
    image_package,
    newest,
    unpacked,
)

KERNEL = bytes(0x202) + b"HdrS" + bytes(100)
PATIENCE_S = 60.0
UNTIL_LEFT = "exec tail --pid=$PPID -f /dev/null"
INTERRUPTED = """
import signal, sys
from pathlib import Path
from hugescope_agent.workloads.qemu.kernel import guest_kernel
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
guest_kernel(None, print, boot=Path({boot!r}), cache=Path({cache!r}))
"""
DEPENDS = """\
linux-image-cloud-amd64
  Depends: linux-image-6.1.0-99-cloud-amd64
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with no program in it but those a test puts there; it is all of PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
    path.chmod(0o755)


def package(path: Path, members: dict[str, bytes]) -> Path:
    """What `dpkg-deb --fsys-tarfile` gives for a package."""
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def with_apt(programs: Path, deb: Path, depends: str = DEPENDS) -> None:
    program(programs / "apt-cache", f"[ $2 = linux-image-cloud-amd64 ] && echo '{depends}'")
    program(programs / "apt-get", f"echo E: no such thing; cp {deb} . 2>/dev/null")
    program(programs / "dpkg-deb", 'cat "$2"')


def found(tmp_path: Path, given: Path | None = None) -> tuple[Path, list[str]]:
    told: list[str] = []
    (tmp_path / "boot").mkdir(exist_ok=True)
    path = guest_kernel(given, told.append, boot=tmp_path / "boot", cache=tmp_path / "cache")
    return path, told


def test_a_given_kernel_is_taken_and_must_be_one(tmp_path: Path) -> None:
    given = tmp_path / "bzImage"
    given.write_bytes(KERNEL)
    assert found(tmp_path, given) == (given, [])
    given.write_bytes(b"MZ")
    with pytest.raises(GuestUnavailable, match=f"--kernel {given}: is no x86 kernel"):
        found(tmp_path, given)
    with pytest.raises(GuestUnavailable, match="--kernel /none: is no x86 kernel"):
        found(tmp_path, Path("/none"))


def test_the_newest_of_this_machine_is_taken_then_of_the_cache(tmp_path: Path) -> None:
    for directory, names in (("cache", ["7.0"]), ("boot", ["6.9.1-1", "6.12.1-1", "6.13-broken"])):
        (tmp_path / directory).mkdir()
        for name in names:
            content = b"" if "broken" in name else KERNEL
            (tmp_path / directory / f"vmlinuz-{name}").write_bytes(content)
    assert found(tmp_path)[0] == tmp_path / "boot/vmlinuz-6.12.1-1"
    for path in (tmp_path / "boot").iterdir():
        path.unlink()
    assert found(tmp_path) == (tmp_path / "cache/vmlinuz-7.0", [])


def test_a_kernel_is_downloaded_once_and_told(tmp_path: Path, programs: Path) -> None:
    deb = package(
        tmp_path / "p.deb", {"./boot/config-6": b"c", "./boot/vmlinuz-6.1-x": KERNEL, "./z": b""}
    )
    with_apt(programs, deb)
    kernel, (line,) = found(tmp_path)
    assert kernel == tmp_path / "cache/vmlinuz-6.1-x"
    assert kernel.read_bytes() == KERNEL
    assert "downloading linux-image-6.1.0-99-cloud-amd64" in line
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["vmlinuz-6.1-x"]
    assert found(tmp_path) == (kernel, [])


def test_what_is_missing_is_told_with_what_to_do(tmp_path: Path, programs: Path) -> None:
    with pytest.raises(GuestUnavailable, match=r"no kernel to boot in .*, name one with --kernel"):
        found(tmp_path)
    with_apt(programs, Path("/none"), depends="")
    with pytest.raises(GuestUnavailable, match=r"apt knows no linux-image-cloud-amd64 or .*update"):
        found(tmp_path)
    with_apt(programs, Path("/none"))
    with pytest.raises(GuestUnavailable, match=r"brought nothing \(E: no such thing\): run apt"):
        found(tmp_path)
    with_apt(programs, package(tmp_path / "p.deb", {"./boot/vmlinux": b""}))
    with pytest.raises(GuestUnavailable, match=r"p\.deb holds no boot/vmlinuz"):
        found(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_download_that_is_interrupted(
    tmp_path: Path, programs: Path, number: signal.Signals
) -> None:
    """Least of all a part of a kernel that looks like one."""
    deb = package(tmp_path / "p.deb", {"./boot/vmlinuz-6.1-x": KERNEL + bytes(1 << 22)})
    with_apt(programs, deb)
    program(programs / "dpkg-deb", f'head -c {1 << 21} "$2"; touch {tmp_path}/half; {UNTIL_LEFT}')
    script = INTERRUPTED.format(boot=str(tmp_path), cache=str(tmp_path / "cache"))
    with subprocess.Popen([sys.executable, "-c", script], env=module_environment()) as process:
        until((tmp_path / "half").exists)
        process.send_signal(number)
    assert process.returncode
    until(lambda: not list((tmp_path / "cache").iterdir()))


def test_a_download_ends_with_who_wanted_it(tmp_path: Path, programs: Path) -> None:
    with_apt(programs, tmp_path)
    program(programs / "apt-get", f"echo $$ >{tmp_path}/half; exec sleep 1000")
    script = INTERRUPTED.format(boot=str(tmp_path), cache=str(tmp_path / "cache"))
    with subprocess.Popen([sys.executable, "-c", script], env=module_environment()) as process:
        until(lambda: (tmp_path / "half").exists() and (tmp_path / "half").read_text())
        apt = int((tmp_path / "half").read_text())
        process.kill()
    until(lambda: not Path(f"/proc/{apt}").exists() or b") Z" in stat(apt))
    until(lambda: not list((tmp_path / "cache").iterdir()))


def stat(pid: int) -> bytes:
    """Of a process; as of a zombie where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return b") Z"


def until(true: Callable[[], object]) -> None:
    """Wait for it; only a failure takes long."""
    end_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.01)


@pytest.mark.parametrize("content", [b"", b"no archive at all" * 100])
def test_what_is_no_package_is_told(tmp_path: Path, programs: Path, content: bytes) -> None:
    with_apt(programs, tmp_path)
    (tmp_path / "p.deb").write_bytes(content)
    with pytest.raises(GuestUnavailable, match=r"p\.deb holds no boot/vmlinuz"):
        unpacked(tmp_path / "p.deb", tmp_path)


def test_names_never_lead_out_of_the_cache(tmp_path: Path, programs: Path) -> None:
    with_apt(programs, tmp_path)
    deb = package(tmp_path / "p.deb", {"./boot/vmlinuz-../../x": KERNEL, "boot/vmlinuz-6/x": b""})
    with pytest.raises(GuestUnavailable):
        unpacked(deb, tmp_path)


def test_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert image_package(DEPENDS) == "linux-image-6.1.0-99-cloud-amd64"
    assert image_package("") is None
    assert newest([]) is None
    assert newest([Path("a/vmlinuz-6.9"), Path("b/vmlinuz-6.10")]) == Path("b/vmlinuz-6.10")
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert cache_directory() == Path("/c/hugescope/guest")
