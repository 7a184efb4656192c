"""What a capture keeps of command lines: it tells the same, and holds no secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.capture.arguments import kept_arguments
from hugescope_agent.model.vm import tell

QEMU = """
/usr/bin/qemu-system-x86_64 -name guest=web,debug-threads=on -S
-object secret,id=masterKey0,format=raw,file=/var/lib/libvirt/qemu/domain-1-web/master.aes
-machine pc-q35-8.2,usb=off,memory-backend=ram,dump-guest-core=off -accel tcg
-m size=4194304k,slots=2,maxmem=8388608k
-object memory-backend-memfd,id=ram,size=4294967296,hugetlb=on,share=yes,prealloc=on
-uuid 01234567-89ab-cdef-0123-456789abcdef -incoming tcp:10.0.0.7:49152
-append password=hunter2 -device vfio-pci,host=0000:01:00.0 -vnc :0,password-secret=s1
-readconfigx hunter2 -drive file=rbd:pool/x:key=hunter2
"""
FILE = """
qemu-kvm -name a,,b -mem-path /dev/hugepages -m 2048 -global q35-pcihost.pci-hole64-size=64G
-numa node,nodeid=0,cpus=0-3 -fw_cfg name=opt/key,string=hunter2
"""
CONFIG = "kvm -readconfig /etc/hunter2.cfg -m 2G"
DEMO = """
python -P -m hugescope_agent.workloads.postcopy destination --socket=/run/hunter2
--size-bytes=67108864 -name guest=demo -incoming defer
"""
OTHERS = [
    ["/opt/firecracker", "--api-sock", "/run/hunter2.sock", "--id", "vm7"],
    ["crosvm", "run", "--name=vm8", "--cid", "hunter2"],
    ["/usr/sbin/a-long-program-name", "--password", "hunter2"],
    ["postgres", "-c", "hunter2"],
    ["crosvm", "--name", "x", "--", "--name", "hunter2"],
]


@pytest.mark.parametrize(
    "words", [*map(str.split, (QEMU, FILE, CONFIG, DEMO)), *OTHERS], ids=lambda one: one[0]
)
def test_the_same_is_told_and_nothing_more_is_kept(words: list[str]) -> None:
    comm = words[0].rpartition("/")[2][:15]
    kept = kept_arguments(comm, words, lambda: None)
    assert tell(comm, kept) == tell(comm, words)
    assert kept[0] == words[0]
    text = " ".join(kept)
    for secret in ("hunter2", "master.aes", "10.0.0.7", "vfio", "vnc", "cpus"):
        assert secret not in text


def test_what_tells_nothing_is_its_program_alone() -> None:
    assert kept_arguments("postgres", ["postgres", "-D", "/secret"], lambda: None) == ["postgres"]
    assert kept_arguments(None, [], lambda: None) == []


WORDS = st.sampled_from(
    [
        *("-name", "-m", "-machine", "-M", "-object", "-numa", "-mem-path", "-uuid", "-incoming"),
        *("--name", "-readconfig", "-global", "-accel", "-append", "--id", "--", "-m=1"),
        *("guest=a,,b", "1G", "size=1G,slots=2", "q35", "pc-i440fx-8.0,accel=xen", "node,memdev=r"),
        *("memory-backend-memfd,id=r,size=1G,hugetlb=on", "memory-backend-ram,id=r,size=1G"),
        *('{"qom-type":"memory-backend-file","id":"r","size":1073741824,"mem-path":"/a,b"}', "{"),
        *("secret,id=x,data=hunter2", "x.pci-hole64-size=1", "hugescope_agent.workloads.postcopy"),
        *("source", "--size-bytes=4096", "/var/lib/libvirt/qemu/x", ""),
    ]
)
PROGRAMS = st.sampled_from(["qemu-system-x86_64", "python", "firecracker", "crosvm", "x" * 20, ""])


@given(PROGRAMS, st.lists(WORDS | st.text(max_size=8), max_size=12))
def test_any_command_line_tells_the_same_or_is_its_program_alone(
    program: str, words: list[str]
) -> None:
    comm = program[:15] or None
    kept = kept_arguments(comm, [program, *words], lambda: None)
    assert kept[0] == program
    told = tell(comm, [program, *words])
    assert tell(comm, kept) == told or kept == [program]
    # Whatever a VM is called is its name.
    assert "hunter2" not in " ".join(kept) or "hunter2" in str(told.name)


def test_where_it_cannot_tell_the_same_it_keeps_the_program_alone() -> None:
    """A value that cannot be written again as it was."""
    words = [
        "qemu-system-x86_64",
        "-m",
        '{"size": 1073741824, "x": [1]}',
        "-name",
        '{"guest": "\0"}',
    ]
    kept = kept_arguments("qemu-system-x86", words, lambda: None)
    assert kept[0] == words[0]
    assert tell("qemu-system-x86", kept) == tell("qemu-system-x86", words) or len(kept) == 1
