import pytest

from hugescope_agent.workloads.hugemem import pattern_block

MIB2 = 2 << 20


@pytest.mark.parametrize("page_size_bytes", [64 << 10, MIB2, 1 << 30])
def test_a_block_says_where_it_belongs(page_size_bytes):
    offset = 3 * (1 << 30) + MIB2
    block = pattern_block(9, offset, page_size_bytes)
    assert len(block) == min(MIB2, page_size_bytes)
    assert block[:8] == b"HUGESCOP"
    numbers = [int.from_bytes(block[at : at + 8], "little") for at in (8, 16, 24)]
    assert numbers == [9, offset, offset // page_size_bytes]
    assert block == block[:32] * (len(block) // 32)


def test_blocks_differ_by_place_and_seed():
    blocks = {pattern_block(seed, at, 1 << 30) for seed in (1, -1) for at in (0, MIB2)}
    assert len(blocks) == 4
