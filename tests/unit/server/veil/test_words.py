import pytest

from hugescope_server.veil.places import UNIT_BYTES, Places
from hugescope_server.veil.spaces import Space, Spaces
from hugescope_server.veil.words import hidden, veiled
from hugescope_wire.host import ProcessInfo
from tests.unit.server.made_host import PAGE_SIZE, mapping_info

START = 0x7F12_3400_0000
SPACES = Spaces(
    [
        ProcessInfo(pid=41, comm="a", mappings=[mapping_info(1, 8, START - (1 << 40)),
                                                mapping_info(2, 8, START)]),
        ProcessInfo(pid=42, comm="b", mappings=[mapping_info(3, 8, START)]),
    ],
    Places(b""),
    {},
)  # fmt: skip
OF_41 = 2 * UNIT_BYTES
OF_42 = UNIT_BYTES


@pytest.mark.parametrize(
    ("text", "pids", "shown"),
    [
        (f"a (41) has 3 pages at {START:#x}.", [41], f"a (41) has 3 pages at {OF_41:#x}."),
        (f"at {START + PAGE_SIZE:#x}", [41], f"at {OF_41 + PAGE_SIZE:#x}"),
        (f"at {START + 8 * PAGE_SIZE:#x}", [41], "at (hidden)"),
        ("at 0x7f0000000000", [41, 42], "at (hidden)"),
        (f"at {START:#x}", [], "at (hidden)"),
        (f"at {START:#x}", [43], "at (hidden)"),
        (f"at 0X{START:X}", [41], f"at {OF_41:#x}"),
        (f"{START:x}-{START + PAGE_SIZE:x} rw-p", [41], f"{OF_41:x}-{OF_41 + PAGE_SIZE:x} rw-p"),
        ("7f0000000000-7f0000200000 rw-p", [41], "(hidden) rw-p"),
        (f"{START:x} bind:0", [41], f"{OF_41:x} bind:0"),
        # Where it is unclear whose it is, the process that was named last.
        (f"b (42) at {START:#x}", [41, 42], f"b (42) at {OF_42:#x}"),
        (f"a pid 41 and b pid 42 at {START:#x}", [41, 42], f"a pid 41 and b pid 42 at {OF_42:#x}"),
        (f"41 at {START:#x}, 42 at {START:#x}", [42, 41],
         f"41 at {OF_41:#x}, 42 at {OF_42:#x}"),
        # No address.
        ("1073741824 bytes, 4096 pages of 2 MiB, 0x1f", [41], None),
        ("echo 96 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", [41], None),
        ("01234567-89ab-cdef-0123-456789abcdef of /proc/41/fd/7", [41], None),
        ("memfd 12345678901234567890123", [41], None),
        ("", [41], None),
    ],
)  # fmt: skip
def test_addresses_in_text(text: str, pids: list[int], shown: str | None) -> None:
    assert veiled(text, pids, SPACES) == (text if shown is None else shown)


def test_another_process_is_never_asked() -> None:
    """Else who maps memory at a guessed address would see whether the guess was right."""
    alone: dict[int, Space] = {42: SPACES[42]}
    assert veiled(f"process 41 at {START:#x}", [41], alone) == "process 41 at (hidden)"


def test_where_nothing_is_known_all_that_may_be_an_address_is_hidden() -> None:
    text = "at 0x7F00, 7f0000000000-7f0000200000, 7f0000000000 and 123456789012: process 4711"
    told = "at (hidden), (hidden), (hidden) and (hidden): process 4711"
    assert hidden(text) == told
