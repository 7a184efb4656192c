"""Names and guest RAM, from the files of a made tree to what a viewer gets."""

from __future__ import annotations

from pathlib import Path

from hugescope_wire.snapshot import GuestRam, Process, ProcessName
from hugescope_wire.vm import Vm
from tests.unit.agent.follower import Follower
from tests.unit.agent.tree_builder import MIB2, MadeMapping, MadeProcess, MadeTree, build, mapped

START = 0x7E0000000000
RAM = MadeMapping(START, (mapped(1), mapped(2)), path="/memfd:memory-backend-memfd (deleted)")
TREE = MadeTree({41: MadeProcess((RAM,), comm="qemu-system-x86"), 42: MadeProcess((RAM,), "vhost")})


def command(name: str, size: str = "4M") -> bytes:
    line = (
        f"qemu-system-x86_64|-name|guest={name}|-machine|q35,memory-backend=ram|-vnc|secret|"
        f"-object|memory-backend-memfd,id=ram,hugetlb=on,size={size}|"
    )
    return line.replace("|", "\0").encode()


def processes(follower: Follower) -> dict[int, Process]:
    return {process.pid: process for process in follower.picture.snapshot().processes}


def test_a_machine_is_shown_by_its_name_and_its_ram_with_its_place(tmp_path: Path) -> None:
    root = build(tmp_path / "tree", TREE)
    (root / "proc/41/cmdline").write_bytes(command("web1"))
    follower = Follower(root)
    follower.full()
    found = processes(follower)
    assert found[41].name == ProcessName(name="web1", kind="vm", source="qemu")
    guest = GuestRam(offset=0, backend="ram", low_bytes=2 * MIB2)
    assert [mapping.guest for mapping in found[41].mappings] == [guest]
    assert (found[41].vm, found[42].vm) == (Vm(ram_bytes=2 * MIB2), None)
    # Without a command line nothing is known, and the other process only shares the memory.
    assert found[42].name is None
    assert [mapping.guest for mapping in found[42].mappings] == [None]
    assert "secret" not in follower.picture.snapshot().model_dump_json()
    follower.close()


def test_a_command_line_is_read_again_when_the_comm_changes_only(tmp_path: Path) -> None:
    root = build(tmp_path / "tree", TREE)
    (root / "proc/41/cmdline").write_bytes(command("web1"))
    follower = Follower(root)
    follower.full()
    (root / "proc/41/cmdline").write_bytes(command("web2", "2M"))
    follower.tick()
    assert (name := processes(follower)[41].name) is not None
    assert name.name == "web1"
    (root / "proc/41/comm").write_text("other\n")
    follower.tick()
    changed = processes(follower)[41]
    assert changed.name is not None
    assert changed.name.name == "web2"
    assert changed.mappings[0].guest is None
    follower.close()
