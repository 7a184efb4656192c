"""What people call a process, told by its command line."""

from __future__ import annotations

import shlex

import pytest

from hugescope_agent.model.vm import printable, tell
from hugescope_wire.snapshot import ProcessName

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
