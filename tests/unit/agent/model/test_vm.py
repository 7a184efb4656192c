"""What people call a process, told by its command line."""

from __future__ import annotations

import shlex
import uuid

import pytest

from hugescope_agent.model.guestram import guest_ram
from hugescope_agent.model.vm import printable, tell
from hugescope_agent.workloads.child import module_argv
from hugescope_agent.workloads.plan import PostcopyPlan
from hugescope_agent.workloads.supervisor import MODULE, machine_arguments
from hugescope_wire.snapshot import GuestRam, ProcessName
from hugescope_wire.vm import Vm
from tests.unit.agent.model.made_model import huge_vma

SCOPE = "0::/machine.slice/machine-{}.scope/libvirt/emulator\n"
CLOUD = "cloud-hypervisor --api-socket path=/run/ch.sock --memory size=1G,hugepages=on"


def named(comm: str | None, line: str, cgroup: str | None = None) -> tuple[str, str, str] | None:
    name = tell(comm, shlex.split(line), lambda: cgroup).name
    return None if name is None else (name.name, name.kind, name.source)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("/usr/bin/qemu-system-x86_64 -name web1 -m 4096", "web1"),
        ("qemu-system-aarch64 --name web1", "web1"),
        ("/usr/libexec/qemu-kvm -name guest=web1,debug-threads=on -S", "web1"),
        ("/usr/bin/kvm -id 100 -name 'web1,debug-threads=on' -no-shutdown", "web1"),
        ("qemu-kvm -name guest=a,,b,process=x", "a,b"),
        ("qemu-kvm -name process=x -name guest=two", "two"),
        ("qemu-kvm -name one -name two", "two"),
        ("qemu-kvm -append -name -name real", "real"),
        ("qemu-kvm -nographic -name real", "real"),
        ("""qemu-kvm -name '{"guest": "json"}'""", "json"),
    ],
)
def test_qemu_has_the_name_that_it_was_given(line: str, name: str) -> None:
    assert named("qemu", line) == (name, "vm", "qemu")


@pytest.mark.parametrize(
    "line",
    [
        "qemu-system-x86_64 -m 4096",
        "qemu-system-x86_64 -name",
        "qemu-system-x86_64 -name process=x,debug-threads=on",
        "qemu-system-x86_64 -name ''",
        "qemu-system-x86_64 -name '{broken'",
        """qemu-system-x86_64 -name '{"guest": {"a": 1}}'""",
        "qemu-system-x86_64 -append -name=web1",
        "qemu-img convert -name web1",
        "firecracker --api-sock /run/fc.sock",
        "crosvm run --mem 4096",
        "postgres -name web1",
        "''",
    ],
)
def test_no_name_is_no_name(line: str) -> None:
    assert named("prog", line) is None


def test_comm_tells_qemu_too() -> None:
    assert named("qemu-system-x86", "title -name web1") == ("web1", "vm", "qemu")


def test_libvirt_shows_in_the_paths_that_it_gives() -> None:
    key = (
        '{"qom-type":"secret","id":"k","file":"/var/lib/libvirt/qemu/domain-3-web1/master-key.aes"}'
    )
    line = f"/usr/bin/qemu-system-x86_64 -name guest=web1,debug-threads=on -object '{key}'"
    assert named("qemu-system-x86", line) == ("web1", "vm", "libvirt")


@pytest.mark.parametrize(
    ("comm", "line", "source"),
    [
        ("firecracker", "/firecracker --id web1 --start-time-us 3", "firecracker"),
        ("fc_vcpu 0", "/usr/bin/firecracker --api-sock /s --id=web1", "firecracker"),
        ("crosvm", "/usr/bin/crosvm run --name web1 --mem 4096", "crosvm"),
        ("crosvm", "crosvm run --name=web1", "crosvm"),
    ],
)
def test_other_machines_have_options_of_their_own(comm: str, line: str, source: str) -> None:
    assert named(comm, line) == ("web1", "vm", source)


def test_firecracker_passes_on_what_stands_behind_two_dashes() -> None:
    assert named("firecracker", "firecracker --id a -- --id b") == ("a", "vm", "firecracker")


def test_cloud_hypervisor_has_the_name_of_its_domain_or_none() -> None:
    assert named("cloud-hyperviso", CLOUD, SCOPE.format(r"ch\x2d3\x2dweb\x2d1")) == (
        *("web-1", "vm", "libvirt"),
    )
    assert named("cloud-hyperviso", CLOUD, SCOPE.format(r"qemu\x2d3\x2dother")) is None
    assert named("cloud-hyperviso", CLOUD, None) is None
    assert named("cloud-hyperviso", "/proc/self/exe --api-socket path=/s") is None


def test_a_name_that_the_kernel_cut_is_told_whole() -> None:
    assert named("a-very-long-pro", "/opt/a-very-long-program --secret=1") == (
        *("a-very-long-program", "process", "cmdline"),
    )
    assert named("a-very-long-pro", "a-very-long-pro") is None
    assert named("a-very-long-pro", "another") is None
    assert named("a-very-long-pro", "'a-very-long-process: password x'") is None
    assert named("short", "shorter") is None
    assert named(None, "/opt/a-very-long-program") is None


def test_a_command_line_that_cannot_be_read_tells_nothing() -> None:
    assert tell("qemu-system-x86", None).name is None
    assert tell("qemu-system-x86", []).name is None


def test_names_are_made_fit_to_be_shown() -> None:
    assert printable("a\x1b[31mb\u202ec\n") == "a\ufffd[31mb\ufffdc\ufffd"
    assert printable("  ") is None
    assert printable(None) is None
    long = tell("kvm", ["kvm", "-name", "x" * 1000]).name
    assert long == ProcessName(name="x" * 256, kind="vm", source="qemu")


def test_hostile_json_ends_nothing() -> None:
    for value in ("{" * 100_000, '{"a":' * 100_000, '{"guest": ' + "9" * 5000 + "}"):
        assert tell("kvm", ["kvm", "-name", value, "-object", value]).name is None


UUID = "0a1b2c3d-0000-4000-8000-00000000beef"


@pytest.mark.parametrize(
    ("line", "vm"),
    [
        ("qemu-system-x86_64", Vm()),
        ("kvm -m 512", Vm(ram_bytes=512 << 20)),
        (
            f"kvm -uuid {UUID.upper()} -m 1G -incoming defer",
            Vm(uuid=UUID, incoming=True, ram_bytes=1 << 30),
        ),
        ("kvm -incoming tcp:0:4444", Vm(incoming=True)),
        ("""kvm -incoming '{"channel-type": "main"}'""", Vm(incoming=True)),
        ("kvm -append -incoming", Vm()),
        ("kvm -uuid 00000000-0000-0000-0000-000000000000", Vm()),
        ("kvm -uuid nonsense", Vm()),
        (f"firecracker --id web1 -uuid {UUID}", Vm()),
        ("cloud-hypervisor --memory size=1G", Vm()),
        ("crosvm run --mem 4096", Vm()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_machine_has_an_identity(line: str, vm: Vm) -> None:
    assert tell("prog", shlex.split(line)).vm == vm


@pytest.mark.parametrize("line", ["postgres -incoming defer", "python -m other source -name a", ""])
def test_what_is_no_machine_has_none(line: str) -> None:
    assert tell("prog", shlex.split(line)).vm is None


def side(name: str) -> list[str]:
    plan = PostcopyPlan(size_bytes=64 << 20)
    rest = [*plan.arguments(), "--peer-fd=3", *machine_arguments(name, uuid.UUID(UUID))]
    return module_argv(MODULE, name, *rest)


@pytest.mark.parametrize("name", ["source", "destination"])
def test_our_own_workload_is_a_machine_that_is_none(name: str) -> None:
    told = tell(f"hs-{name}", side(name))
    assert told.name == ProcessName(name="demo-vm", kind="vm", source="demo")
    incoming = name == "destination"
    assert told.vm == Vm(uuid=UUID, incoming=incoming, ram_bytes=64 << 20, simulated=True)
    ram = huge_vma(32, path=f"/memfd:hs-{name}-ram (deleted)")
    assert guest_ram(told.ram, [ram]) == {ram: GuestRam(offset=0, backend="ram", low_bytes=None)}
    assert guest_ram(told.ram, [huge_vma(32, path="/memfd:hs-other-ram (deleted)")]) == {}


def test_other_commands_of_our_workload_are_no_machines() -> None:
    assert tell("python3", module_argv(MODULE, "demo", "--size", "1G")).vm is None
    assert tell("python3", module_argv(MODULE)).vm is None
