import random
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from hugescope_server.histograms import KEPT_S, HostHistograms
from hugescope_server.mappingtrack import MappingTrack
from hugescope_wire.cells import MAX_COUNT, PAGE_BYTES, UNKNOWN_COUNT, Cells, CellState
from hugescope_wire.follow import Histograms
from hugescope_wire.host import MappingInfo
from tests.unit.server.made_host import PAGE_SIZE, mapping_info, random_cells


def track(cells: Cells, generation: int = 1, info: MappingInfo | None = None) -> MappingTrack:
    return MappingTrack(generation, info or mapping_info(generation, len(cells)), cells, 1)


def histograms(*tracks: MappingTrack) -> Histograms:
    return Histograms.model_validate_json(HostHistograms().text(1, tracks))


def present(mapcounts: list[int]) -> Cells:
    cells = Cells.holes(len(mapcounts))
    cells.state[:] = CellState.MAPPED
    cells.mapped_pages[:] = 512
    cells.mapcount[:] = mapcounts
    return cells


def buckets(made: Histograms) -> Iterator[tuple[int | None, int | None, int]]:
    for bucket in made.mapcount:
        yield bucket.low, bucket.high, bucket.cells


def test_levels_are_by_page_size_kind_and_state() -> None:
    rng = random.Random(1)
    small, other = random_cells(rng, 300), random_cells(rng, 200)
    thp = mapping_info(3, 50).model_copy(update={"kind": "thp"})
    third = random_cells(rng, 50)
    made = histograms(track(small, 1), track(other, 2), track(third, 3, thp))
    expected: Counter[tuple[int, str, str]] = Counter()
    mapped: Counter[tuple[int, str, str]] = Counter()
    for cells, kind in ((small, "hugetlb"), (other, "hugetlb"), (third, "thp")):
        for state, pages in zip(cells.state.tolist(), cells.mapped_pages.tolist(), strict=True):
            key = (PAGE_SIZE, kind, CellState(state).label)
            expected[key] += 1
            mapped[key] += pages * PAGE_BYTES
    got = {(sum_.page_size, sum_.kind, sum_.state): sum_ for sum_ in made.levels}
    assert {key: sum_.cells for key, sum_ in got.items()} == expected
    assert {key: sum_.mapped_bytes for key, sum_ in got.items()} == +mapped | {
        key: 0 for key in expected if not mapped[key]
    }


def test_buckets_are_single_then_double() -> None:
    made = histograms(track(present([1, 1, 3, 5, 8, 9, 16, 17, UNKNOWN_COUNT])))
    assert list(buckets(made)) == [
        (0, 0, 0),
        (1, 1, 2),
        (2, 2, 0),
        (3, 3, 1),
        (4, 4, 0),
        (5, 8, 2),
        (9, 16, 2),
        (17, 32, 1),
        (None, None, 1),
    ]


@pytest.mark.parametrize("count", [*range(12), 32768, 32769, MAX_COUNT])
def test_every_count_is_in_the_bucket_that_says_so(count: int) -> None:
    low, high, cells = list(buckets(histograms(track(present([count])))))[-1]
    assert low is not None
    assert high is not None
    assert low <= count <= high
    assert cells == 1


def test_only_present_cells_have_counts() -> None:
    cells = present([2, 2, 2])
    cells.state[0] = CellState.HOLE
    cells.mapped_pages[0] = 0
    assert list(buckets(histograms(track(cells))))[-1] == (2, 2, 2)
    empty = histograms(track(Cells.holes(5)))
    assert (empty.mapcount, empty.mappers) == ([], [])
    assert [(level.state, level.cells) for level in empty.levels] == [("hole", 5)]


def test_later_counts_are_what_counting_anew_gives() -> None:
    rng = random.Random(3)
    counting = HostHistograms()
    first, second = track(random_cells(rng, 400), 1), track(random_cells(rng, 90), 2)
    for version in range(2, 12):
        text = counting.text(version, [first, second])
        assert text == HostHistograms().text(version, [first, second])
        index = np.array(sorted(rng.sample(range(400), 20)))
        after = first.cells.replaced(index, random_cells(rng, 20))
        first.renew_cells(after, index, version, 5.0)


def test_counted_again_only_after_a_frame_and_only_what_changed() -> None:
    counting = HostHistograms()
    first, second = track(present([1] * 10), 1), track(present([1] * 10), 2)
    before = counting.text(1, [first, second])
    assert counting.text(1, []) is before, "the same frame"
    kept = counting._counted[2]
    first.renew_cells(present([2] * 10), np.arange(10), 2, 5.0)
    after = Histograms.model_validate_json(counting.text(2, [first, second]))
    assert list(buckets(after)) == [(0, 0, 0), (1, 1, 10), (2, 2, 10)]
    assert counting._counted[2] is kept
    counting.text(3, [second])
    assert list(counting._counted) == [2]


def test_nothing_is_kept_for_nobody() -> None:
    counting = HostHistograms()
    mapping = track(present([1]))
    before = counting.text(1, [mapping])
    for _ in range(KEPT_S):
        counting.second_passed()
    assert counting._counted
    counting.second_passed()
    assert not counting._counted
    assert counting.text(2, [mapping]) == before
