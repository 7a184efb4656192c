import pytest

from hugescope_server.veil.places import UNIT_BYTES, Places
from hugescope_server.veil.spaces import Spaces
from hugescope_wire.host import MappingInfo, ProcessInfo
from tests.unit.server.made_host import PAGE_SIZE, mapping_info

START = 0x7F12_3400_0000


def thp(start: int, end: int) -> MappingInfo:
    """Transparent huge pages, which need not begin or end where a huge page does."""
    cells = -(-end // PAGE_SIZE) - start // PAGE_SIZE
    facts = mapping_info(1, 1).model_dump() | {"kind": "thp", "start": start, "end": end}
    return MappingInfo.model_validate(facts | {"cell_count": cells})


def spaces_of(*infos: MappingInfo) -> Spaces:
    return Spaces([ProcessInfo(pid=7, comm=None, mappings=list(infos))], Places(b""), {})


def test_each_byte_of_a_mapping_there_and_back() -> None:
    one, two = mapping_info(1, 3, START), mapping_info(2, 2, START + 3 * PAGE_SIZE)
    space = spaces_of(two, one)[7]
    for info, number in ((two, 1), (one, 2)):
        for offset in (0, 1, PAGE_SIZE, info.end - info.start - 1):
            shown = space.shown(info.start + offset)
            assert shown == number * UNIT_BYTES + offset
            assert space.true(shown) == info.start + offset


@pytest.mark.parametrize("address", [0, START - 1, START + 3 * PAGE_SIZE, 1 << 64])
def test_what_is_outside_of_all_mappings(address: int) -> None:
    space = spaces_of(mapping_info(1, 3, START))[7]
    assert space.shown(address) is None
    for shown in (address, UNIT_BYTES - 1, UNIT_BYTES + 3 * PAGE_SIZE):
        assert space.true(shown) is None


def test_a_thp_mapping_keeps_its_place_in_the_first_huge_page() -> None:
    info = thp(START + 0x5000, START + 2 * PAGE_SIZE + 0x3000)
    space = spaces_of(info)[7]
    assert space.shown(info.start) == UNIT_BYTES + 0x5000
    assert space.true(UNIT_BYTES) is None
    last = space.shown(info.end - 1)
    assert last == UNIT_BYTES + 2 * PAGE_SIZE + 0x2FFF


def test_processes_that_did_not_change_are_not_made_again() -> None:
    places = Places(b"")
    processes = [
        ProcessInfo(pid=pid, comm=None, mappings=[mapping_info(pid, 2, START)]) for pid in (7, 8)
    ]
    before = Spaces(processes, places, {})
    renewed = [processes[0], processes[1].model_copy(update={"comm": "x"})]
    after = Spaces(renewed, places, before)
    assert after[7] is before[7]
    assert after[8] is not before[8]
    assert after[8].shown(START) == before[8].shown(START)
    assert list(after) == [7, 8]
    assert len(after) == 2
    assert after.pid_of(8) == 8
    assert after.pid_of(9) is None
