"""Processes with transparent huge pages, the settings they need, and what smaps says of them."""

import ctypes
import json
import mmap
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.model.thp import ThpMapping, thp_facts
from hugescope_agent.sample import SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_wire.cells import CellState
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame
from hugescope_wire.host import MappingInfo, Source
from hugescope_wire.picture import HostPicture
from hugescope_wire.report import ThpFacts
from hugescope_wire.snapshot import Capabilities
from tests.kernel.host_pool import eventually

MIB2 = 2 << 20
PAGE = 4096
BASE = 0x7D5000000000
PROCESS_MADVISE = 440
HUGEPAGE, NOHUGEPAGE, COLLAPSE, DONTNEED = 14, 15, 25, 4
READ_ONLY, READ_WRITE = 1, 3
SETTINGS = Path("/sys/kernel/mm/transparent_hugepage")
ASLEEP = "600000\n"  # ten minutes: longer than the tests of a module
PROCESS = Path(__file__).with_name("thp_process.py")


class ThpProcess:
    """One such process; every operation is done when its call returns."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def __getattr__(self, operation: str) -> Any:
        def call(*arguments: int) -> int:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps([operation, *arguments]) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
            if isinstance(answer, dict):
                raise OSError(answer["errno"], f"{operation}{arguments}: {answer['error']}")
            return int(answer)

        return call

    def huge(self, cells: int, start: int = BASE) -> None:
        """Anonymous memory with a transparent huge page in each of its cells."""
        self.mmap(start, cells * MIB2)
        self.madvise(start, cells * MIB2, HUGEPAGE)
        self.write(start, cells * MIB2)
        if rollup(self.pid)["AnonHugePages"] < cells * MIB2:
            # Too little contiguous memory at the moment: have it compacted.
            self.madvise(start, cells * MIB2, COLLAPSE)


@contextmanager
def thp_process() -> Iterator[ThpProcess]:
    """A process that ends with the block, and its children with it."""
    if os.geteuid() != 0:
        pytest.skip("no root: the PFNs of another process are hidden")
    with subprocess.Popen(
        [sys.executable, str(PROCESS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield ThpProcess(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)


@pytest.fixture(scope="module")
def khugepaged_asleep() -> Iterator[None]:
    """The kernel's own thread would repair what a test has split, whenever its turn comes.

    It wakes for the first process that asks for huge pages, however long it was to sleep: this
    one asks before, and stays in its list. A new pause wakes it, too, and on a busy machine its
    look takes seconds: it is waited for, once for all tests of a module.
    """
    if not (SETTINGS / "khugepaged").is_dir():
        pytest.skip("this kernel has no transparent huge pages")
    pauses = [SETTINGS / "khugepaged" / f"{name}_sleep_millisecs" for name in ("alloc", "scan")]
    with mmap.mmap(-1, MIB2) as madvised, ExitStack() as restored:
        madvised.madvise(HUGEPAGE)
        for pause in pauses:
            before = pause.read_text()
            try:
                pause.write_text(ASLEEP)
            except OSError as error:
                pytest.skip(f"{pause} cannot be set: {error}")
            restored.callback(pause.write_text, before)
        eventually(khugepaged_sleeps, "khugepaged is asleep")
        yield


def khugepaged_sleeps() -> bool:
    """Whether it is between two looks, or not to be seen from here."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            name, state = entry.read_text(errors="replace").partition("(")[2].rpartition(")")[::2]
            if name == "khugepaged":
                return state.split()[0] == "S"
    return True


def collapse(pid: int, start: int, size: int) -> None:
    """MADV_COLLAPSE in another process, which need not know of it."""
    libc = ctypes.CDLL(None, use_errno=True)
    span = (ctypes.c_size_t * 2)(start, size)
    pidfd = os.pidfd_open(pid)
    try:
        if libc.syscall(PROCESS_MADVISE, pidfd, span, ctypes.c_size_t(1), COLLAPSE, 0) != size:
            number = ctypes.get_errno()
            raise OSError(number, f"process_madvise: {os.strerror(number)}")
    finally:
        os.close(pidfd)


@contextmanager
def setting(name: str, word: str) -> Iterator[None]:
    """One of the host's settings, and what it was before at the end."""
    path = SETTINGS / name
    try:
        before = re.findall(r"\[(\w+)\]", path.read_text())[0]
        path.write_text(word)
    except OSError as error:
        pytest.skip(f"{path} cannot be set: {error}")
    try:
        yield
    finally:
        path.write_text(before)


def rollup(pid: int) -> Counter[str]:
    """Bytes over all mappings of the process, by the name that smaps gives them."""
    total: Counter[str] = Counter()
    for fields in smaps(pid).values():
        total.update(fields)
    return total


def smaps(pid: int) -> dict[int, dict[str, int]]:
    """Its mappings by start; the bytes of each by the name that smaps gives them."""
    found: dict[int, dict[str, int]] = {}
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if head := re.match(r"([0-9a-f]+)-[0-9a-f]+ ", line):
            here = found[int(head[1], 16)] = {}
        elif field := re.match(r"(\w+): +(\d+) kB", line):
            here[field[1]] = int(field[2]) * 1024
    return found


class ThpLook:
    """A sampler that watches some processes only, and the picture that it draws."""

    def __init__(self, *pids: int, **narrowed: bool) -> None:
        self.files = HostFiles(Root.at("/"))
        if narrowed:
            can = self.files.capabilities.model_copy(update=narrowed)
            self.files.close()
            self.files = HostFiles(Root.at("/"), Capabilities(**can.model_dump()))
        self.now_s = 100.0
        options = SamplerOptions(pids=frozenset(pids), thp_pids=frozenset(pids))
        self.sampler = Sampler(self.files, Source(kind="live"), options, lambda: self.now_s)
        self.picture = HostPicture()
        self.take(self.sampler.full())

    def take(self, sample: Any) -> None:
        """As it travels."""
        if sample is not None:
            full = sample.about.type == "full"
            kind = FrameKind.FULL if full else FrameKind.DELTA
            frame = encode_frame(kind, self.picture.seq + 1, sample.about, sample.blocks)
            self.picture.apply(decode_frame(frame))

    def fresh(self) -> None:
        """A full look, so much later that all is due again."""
        self.now_s += 1000
        self.take(self.sampler.full())

    def ticks(self, count: int = 40) -> None:
        """Four seconds by the sampler's clock, in which changes are found."""
        for _ in range(count):
            self.now_s += 0.1
            self.take(self.sampler.tick())

    def close(self) -> None:
        """Close all."""
        self.sampler.close()
        self.files.close()

    def tracked(self, pid: int) -> list[ThpMapping]:
        """What the sampler keeps of a process."""
        return self.sampler.view.thp.mappings(pid)

    def at(self, pid: int, start: int) -> ThpMapping:
        """The one that begins there."""
        return next(mapping for mapping in self.tracked(pid) if mapping.vma.start == start)

    def facts(self, pid: int) -> dict[int, ThpFacts]:
        """What is reported of its mappings, by start."""
        return {mapping.vma.start: thp_facts(mapping) for mapping in self.tracked(pid)}

    def infos(self, pid: int) -> list[MappingInfo]:
        """Its mappings in the picture."""
        assert self.picture.about is not None
        return [i for p in self.picture.about.processes if p.pid == pid for i in p.mappings]

    def states(self, pid: int, start: int = BASE, end: int = BASE + (1 << 32)) -> list[str]:
        """The states of all cells between two addresses, over the borders of mappings."""
        found = [info for info in self.infos(pid) if start <= info.start < end]
        return [CellState(state).label for i in found for state in self.picture.cells[i.id].state]


@contextmanager
def looking(*pids: int, **narrowed: bool) -> Iterator[ThpLook]:
    """A look that is closed with the block."""
    look = ThpLook(*pids, **narrowed)
    try:
        yield look
    finally:
        look.close()


def differences(look: ThpLook, pid: int) -> list[str]:
    """Where our totals and those of smaps differ, in every mapping shown."""
    truth = smaps(pid)
    by_start = {info.start: info for info in look.infos(pid) if info.kind == "thp"}
    found = []
    for mapping in look.tracked(pid):
        start, facts = mapping.vma.start, thp_facts(mapping)
        said, info = truth[start], by_start[start]
        pmd = said["AnonHugePages"] + said["ShmemPmdMapped"] + said["FilePmdMapped"]
        rss = sum((facts.folio_bytes or {}).values()) + int(mapping.lost.sum()) * PAGE
        pairs = {
            "PMD": (facts.pmd_bytes, pmd),
            "AnonHugePages": (facts.anon_huge_bytes, said["AnonHugePages"]),
            "ShmemPmdMapped": (facts.shmem_pmd_bytes, said["ShmemPmdMapped"]),
            "FilePmdMapped": (facts.file_pmd_bytes, said["FilePmdMapped"]),
            "level": (info.level_bytes.pmd, pmd + int(mapping.zero_huge.sum()) * MIB2),
            "Rss": (rss, said["Rss"]),
            "Swap": (facts.swapped_bytes, said["Swap"]),
        }
        found += [f"{start:x} {name}: {a} {b}" for name, (a, b) in pairs.items() if a != b]
    return found
