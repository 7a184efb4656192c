"""Targets: what programs say of themselves, and a whole captured tree."""

from __future__ import annotations

import os
from functools import cache
from typing import Final

from hugescope.commands.snapshot import take
from hugescope_agent.errors import AgentError, ProcessError
from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.link import Refused, Replaced, _unless_refused
from hugescope_agent.model import qemu, vm
from hugescope_agent.model.guestram import guest_ram
from hugescope_agent.opener import Opener
from hugescope_agent.qmp import Messages, event_of
from hugescope_agent.qmpwatch import reading_of, told_events
from hugescope_wire.errors import WireError
from hugescope_wire.levels import PMD_BYTES
from hugescope_wire.vm import QmpReading
from tests.fuzz.registry import Target
from tests.fuzz.trees import changed, file_seeds, made_root

_MODEL: Final = "hugescope_agent.model"
_VMAS: Final = (
    HugeVma(0, 4 << 30, PMD_BYTES, True, 0, (0, 17), 7, "/memfd:memory-backend-memfd (deleted)"),
    HugeVma(0, 4 << 30, PMD_BYTES, True, 0, (0, 18), 8, "/dev/hugepages/ram"),
)


def _command_line(data: bytes) -> None:
    """As /proc/PID/cmdline has it; comm is what comes before the first newline."""
    comm, _, line = data.decode("utf-8", "replace").partition("\n")
    told = vm.tell(comm, line.split("\0"), lambda: line)
    if told.name is not None:
        assert told.name.name.isprintable()
    ram = guest_ram(told.ram, _VMAS)
    assert all(one.offset >= 0 for one in ram.values())
    for word in line.split("\0"):
        qemu.properties(word, "name")
        qemu.size_bytes(word, "m")
        qemu.uuid_of(word)


def _monitor(data: bytes) -> None:
    """What QEMU's socket gives, in two pieces; what is told of it must travel."""
    messages = Messages()
    answers: list[dict[str, object]] = []
    events = []
    for piece in (data[: len(data) // 2], data[len(data) // 2 :], b"\n"):
        for message in messages.feed(piece):
            if "event" in message:
                events.append(event_of(message))
            else:
                answers.append(message)
    for answer in answers:
        returned = answer.get("return")
        if isinstance(returned, dict):
            reading = reading_of(returned, returned, told_events(events), 1.0)
            assert QmpReading.model_validate_json(reading.model_dump_json()) == reading


def _server_says(data: bytes) -> None:
    _unless_refused(data)
    _unless_refused(data.decode("utf-8", "replace"))


def _tree(data: bytes) -> None:
    """One file of a captured tree is something else; what is told of the rest must travel."""
    with changed(data) as root:
        _, snapshot = take(Root.at(str(root)), None)
        assert type(snapshot).model_validate_json(snapshot.model_dump_json()) == snapshot


@cache
def _opener() -> Opener:
    return Opener.at(str(made_root()))


def _asked(data: bytes) -> None:
    os.close(_opener().answer(data))


_QEMU: Final = "\0".join(
    (
        "qemu-system-x86_64\n/usr/bin/qemu-system-x86_64 -name guest=web,,1,debug-threads=on",
        "-machine pc-q35-8.2,accel=kvm,memory-backend=ram0 -m size=4G,slots=2,maxmem=8G",
        "-object memory-backend-memfd,id=ram0,size=4G,hugetlb=on -uuid",
        "01234567-89ab-cdef-0123-456789abcdef -incoming defer",
    )
).replace(" ", "\0")
_NUMA: Final = (
    "kvm\nkvm\0-m\0" + "2048\0-numa\0node,nodeid=0,memdev=a\0-numa\0node,memdev=b\0-object\0"
    '{"qom-type":"memory-backend-file","id":"a","size":1073741824,"mem-path":"/dev/hugepages/ram"}'
    "\0-object\0memory-backend-file,id=b,size=1G,mem-path=/dev/hugepages/ram,offset=1G"
)
_OTHERS: Final = (
    "crosvm\ncrosvm\0run\0--name=x",
    "firecracker\n/a/firecracker\0--id\0vm7",
    "cloud-hyperviso\ncloud-hypervisor\0/machine.slice/machine-ch\\x2d1\\x2dweb.scope/x",
    "python\npython\0-P\0-m\0hugescope_agent.workloads.postcopy\0destination\0--size-bytes=4194304",
    "a-very-long-nam\n/usr/bin/a-very-long-name-of-a-program\0-x",
)
COMMAND_LINES: Final = tuple(one.encode() for one in (_QEMU, _NUMA, *_OTHERS))
"""comm, a newline, and the words of /proc/PID/cmdline."""

_SAID: Final = (
    b'{"QMP": {"version": {}, "capabilities": []}}\n',
    (
        b'{"timestamp": {"seconds": 1700000000, "microseconds": 5}, "event": "MIGRATION", "data": '
        b'{"status": "postcopy-active"}}\n{"return": {"status": "active", "total-time": 5, "ram": '
        b'{"total": 4294967296, "transferred": 7, "remaining": 9, "mbps": 12.5, "page-size": 4096, '
        b'"postcopy-requests": 3, "duplicate": 1, "normal": 2, "dirty-sync-count": 4}}, "id": 1}\n'
    ),
    b'{"error": {"class": "GenericError", "desc": "no"}, "id": 2}\n',
)
_FROM_SERVER: Final = (
    b'{"type": "welcome", "protocol": 1, "server_version": "1", "tells_taken": true, "seq": 7}',
    b'{"type": "page_query", "query_id": 1, "pid": 7, "address": 139637976727552, "part": 3}',
    b'{"type": "taken", "seq": 5}',
    b'{"type": "refusal", "code": "replaced", "message": "a newer one"}',
)
_ASKED: Final = (
    b"open proc/7/maps",
    b"open proc/iomem",
    b"names sys/kernel/debug/kvm",
    b"links proc/7/fd",
    b"look proc/7/fd/3",
    b"walk proc/7/root/dev/hugepages",
)

TARGETS: Final = (
    Target(
        "command-line",
        _command_line,
        lambda: COMMAND_LINES,
        (
            *(f"{_MODEL}.qemu.{name}" for name in ("properties", "size_bytes", "uuid_of")),
            *(f"{_MODEL}.vm.{name}" for name in ("tell", "printable")),
            *(f"{_MODEL}.simulated.{name}" for name in ("side_of", "layout", "memfd_name")),
            "hugescope_agent.model.guestram.guest_ram",
        ),
    ),
    Target(
        "qmp",
        _monitor,
        lambda: _SAID,
        (
            "hugescope_agent.qmp.Messages.feed",
            "hugescope_agent.qmp.event_of",
            "hugescope_agent.qmpwatch.reading_of",
        ),
        (ValueError,),
    ),
    Target(
        "from-server",
        _server_says,
        lambda: _FROM_SERVER,
        ("hugescope_wire.messages.parse", "hugescope_agent.link._unless_refused"),
        (WireError, Refused, Replaced),
    ),
    Target(
        "opener",
        _asked,
        lambda: _ASKED,
        ("hugescope_agent.opener.Opener.answer",),
        (OSError, ValueError),
    ),
    Target(
        "captured-tree",
        _tree,
        file_seeds,
        (
            "hugescope_agent.kernel.root.Root.at",
            "hugescope_agent.kernel.pools.PoolFiles.parse",
            "hugescope_agent.kernel.cmdline.arguments",
            "hugescope_agent.kernel.process.read_smaps",
            "hugescope_agent.kernel.cgroups.Cgroups.look",
            "hugescope_agent.kernel.kvm.stage2",
            "hugescope_agent.kernel.memory_failure.meminfo_bytes",
            "hugescope_agent.kernel.thp.read_settings",
            "hugescope_agent.kernel.thp.average_mapcount",
            "hugescope_agent.kernel.host.HostFiles._read_info",
        ),
        (AgentError, ProcessError),
        examples=150,
    ),
)
