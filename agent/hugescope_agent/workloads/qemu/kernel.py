"""A kernel for the guest: one that is here already, else the distribution's own package of one.

apt checks what it downloads against the distribution's signatures, as for any package. Nothing is
installed: of the package only `boot/vmlinuz-*` is kept, in a cache directory.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from hugescope_agent.workloads.child import module_argv, module_environment
from hugescope_agent.workloads.errors import GuestUnavailable
from hugescope_agent.workloads.qemu.launch import LAUNCH
from hugescope_agent.workloads.qemu.scratch import ScratchDirectory

BOOT: Final = Path("/boot")
PACKAGES: Final = ("linux-image-cloud-amd64", "linux-image-virtual")
"""Of Debian and of Ubuntu: what they boot in virtual machines. They depend on the one wanted."""

_IMAGE: Final = re.compile(r"^ *Depends: (linux-image-\S+)$", re.MULTILINE)
_KERNEL: Final = re.compile(r"(?:\./)?boot/(vmlinuz-[\w.+-]+)")
_MAGIC_AT: Final = 0x202
_MAGIC: Final = b"HdrS"
"""Documentation/arch/x86/boot.rst: a kernel that QEMU's -kernel can boot."""

_APT_WAIT_S: Final = 300.0


def cache_directory() -> Path:
    """Where the unpacked kernel is kept between runs."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(home) / "hugescope" / "guest"


def guest_kernel(
    given: Path | None,
    tell: Callable[[str], None],
    *,
    boot: Path = BOOT,
    cache: Path | None = None,
) -> Path:
    """The file to boot; `tell` gets a line for people when it has to be downloaded.

    Raises:
        GuestUnavailable: there is none; says what to do.
    """
    if given is not None:
        if not is_kernel(given):
            raise GuestUnavailable(f"--kernel {given}: is no x86 kernel that can be read")
        return given
    cache = cache or cache_directory()
    for directory in (boot, cache):
        found = newest(path for path in directory.glob("vmlinuz-*") if is_kernel(path))
        if found is not None:
            return found
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise GuestUnavailable(f"no kernel to boot in {boot}, name one with --kernel FILE")
    return _downloaded(cache, tell)


def is_kernel(path: Path) -> bool:
    """Whether it can be read and is a bootable x86 kernel."""
    try:
        with path.open("rb") as file:
            file.seek(_MAGIC_AT)
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def newest(paths: Iterable[Path]) -> Path | None:
    """By the numbers in their names, as versions are compared; None where there are none."""

    def numbers(path: Path) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", path.name)]

    return max(paths, key=numbers, default=None)


def image_package(depends: str) -> str | None:
    """The package with the kernel, from what `apt-cache depends` says of one that names it."""
    match = _IMAGE.search(depends)
    return match[1] if match else None


def _downloaded(cache: Path, tell: Callable[[str], None]) -> Path:
    answers = [_asked("apt-cache", "depends", name) for name in PACKAGES]
    package = next(filter(None, map(image_package, answers)), None)
    if package is None:
        raise GuestUnavailable(
            f"no kernel to boot in {BOOT}, and apt knows no {' or '.join(PACKAGES)}:"
            " run apt-get update, or name a kernel with --kernel FILE"
        )
    tell(f"downloading {package} for the guest's kernel, which is kept in {cache}")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with ScratchDirectory("download-", cache) as scratch:
            said = _asked("apt-get", "-q", "download", package, within=scratch.path)
            archive = next(scratch.path.glob("*.deb"), None)
            if archive is None:
                last = (said.strip().splitlines() or ["it said nothing"])[-1]
                raise GuestUnavailable(
                    f"apt-get download {package} brought nothing ({last[:160]}):"
                    " run apt-get update, or name a kernel with --kernel FILE"
                )
            kernel = unpacked(archive, scratch.path)
            return kernel.replace(cache / kernel.name)  # whole, or not at all
    except OSError as error:
        raise GuestUnavailable(f"{error.filename or cache}: {error.strerror}") from None


def unpacked(archive: Path, into: Path) -> Path:
    """Take the kernel out of a package, and nothing else.

    Raises:
        GuestUnavailable: there is none in it.
    """
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(archive)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as dpkg:
        assert dpkg.stdout is not None
        try:
            with tarfile.open(fileobj=dpkg.stdout, mode="r|") as members:
                for member in members:
                    match = _KERNEL.fullmatch(member.name)
                    content = members.extractfile(member) if match and member.isreg() else None
                    if match is None or content is None:
                        continue
                    kernel = into / match[1]
                    with kernel.open("wb") as file:
                        shutil.copyfileobj(content, file)
                    return kernel
        except tarfile.TarError:
            pass
        finally:
            dpkg.kill()
    raise GuestUnavailable(f"{archive.name} holds no boot/vmlinuz")


def _asked(*command: str, within: Path | None = None) -> str:
    """What a program says, on both outputs; it is killed with us."""
    program = shutil.which(command[0])
    if program is None:
        return f"there is no {command[0]}"
    try:
        answer = subprocess.run(
            module_argv(LAUNCH, str(os.getpid()), program, *command[1:]),
            cwd=within,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_APT_WAIT_S,
            check=False,
            env={**module_environment(), "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return answer.stdout
