from hugescope_wire.report import GuestMemory
from tests.unit.agent.model.findings.made_facts import facts, found, only
from tests.unit.wire.made_wire import GIB


def memory(fd: int, size_bytes: int | None) -> GuestMemory:
    return GuestMemory(pid=41, comm="qemu", fd=fd, size_bytes=size_bytes, allocated_bytes=0)


def test_memory_of_a_confidential_guest() -> None:
    finding = only(facts(guest_memory=[memory(7, GIB), memory(8, GIB)]), "guest-memory-unmapped")
    assert finding.severity == "info"
    assert finding.what == (
        "qemu (41) holds 2 GiB of guest memory in 2 guest_memfds, outside every page table."
    )
    assert finding.pids == [41]


def test_a_size_that_is_not_known_is_not_nothing() -> None:
    finding = only(facts(guest_memory=[memory(7, None)]), "guest-memory-unmapped")
    assert "holds an unknown amount of guest memory in 1 guest_memfd," in finding.what


def test_part_of_the_size_known() -> None:
    finding = only(facts(guest_memory=[memory(7, GIB), memory(8, None)]), "guest-memory-unmapped")
    assert "1 GiB of guest memory and 1 of unknown size in 2 guest_memfds" in finding.what


def test_no_guest_memory() -> None:
    assert not found(facts(), "guest-memory-unmapped")
