"""New numbers of pages keep what matters and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from hugescope_agent.capture.frames import Pages, as_they_are, by_lot, zoneinfo
from hugescope_agent.kernel.nodes import NodeMap, zone_spans
from hugescope_wire.cells import UNKNOWN_NODE

GIB_PAGES = 1 << 18
NODES = NodeMap.of_spans([(0, 1 << 20, 0), (1 << 20, 1 << 21, 1)])
PRESENT = 1 << 63
FLAGS = 0x5 << 55


def made_pages() -> Pages:
    rng = np.random.default_rng(7)
    small = rng.choice(1 << 11, 900, replace=False) * 512 + (1 << 20)
    return Pages.of(
        [
            (small.astype(np.int64), 512),
            (np.array([GIB_PAGES, 3 * GIB_PAGES]), GIB_PAGES),
            (np.array([17, 1 << 22]), 1),
        ]
    )


def test_pages_of_several_readings_are_each_there_once() -> None:
    pages = Pages.of(
        [(np.array([512, 512, 1024]), 512), (np.array([0]), 1), (np.array([512]), 512)]
    )
    assert pages.head.tolist() == [0, 512, 1024]
    assert pages.count.tolist() == [1, 512, 512]


def test_of_pages_within_each_other_the_larger_stays() -> None:
    pages = Pages.of(
        [(np.array([GIB_PAGES, GIB_PAGES + 512]), 512), (np.array([GIB_PAGES]), GIB_PAGES)]
    )
    assert pages.head.tolist() == [GIB_PAGES]
    assert Pages.of([]).head.tolist() == []


def test_pages_stay_whole_in_line_apart_and_on_their_node() -> None:
    pages = made_pages()
    numbering = by_lot(pages, NODES)
    new = NodeMap.of_spans(zone_spans(zoneinfo(numbering.spans or [])))
    assert (numbering.new_head % pages.count == 0).all()
    order = np.argsort(numbering.new_head)
    ends = numbering.new_head[order] + pages.count[order]
    assert (ends[:-1] <= numbering.new_head[order][1:]).all()
    assert ends[-1] <= numbering.end
    assert new.of(numbering.new_head).tolist() == NODES.of(pages.head).tolist()
    assert UNKNOWN_NODE in NODES.of(pages.head)
    inside = pages.head + np.minimum(pages.count - 1, 300)
    assert (numbering.of(inside) - numbering.of(pages.head) == inside - pages.head).all()


def test_no_number_of_this_machine_is_left_and_the_order_is_another_each_time() -> None:
    pages = made_pages()
    first, second = by_lot(pages, NODES), by_lot(pages, NODES)
    assert first.new_head.min() > (pages.head + pages.count).max()
    assert first.new_head.min() >= NODES.ends.max()
    assert first.new_head.tolist() != second.new_head.tolist()
    small = pages.count == 512
    assert (np.diff(first.new_head[small]) < 0).any()


def test_entries_keep_flags_and_lose_what_is_no_page() -> None:
    pages = Pages.of([(np.array([512, 1024]), 512)])
    numbering = by_lot(pages, NODES)
    words = np.array(
        [PRESENT | FLAGS | 515, FLAGS | 515, PRESENT | 999_999, PRESENT | 1 << 61, 0], np.uint64
    )
    made = numbering.entries(words)
    new = int(numbering.of(np.array([512]))[0])
    assert made.tolist() == [PRESENT | FLAGS | new + 3, FLAGS, PRESENT, PRESENT | 1 << 61, 0]


def test_raw_pages_keep_their_numbers() -> None:
    pages = made_pages()
    numbering = as_they_are(pages)
    assert numbering.spans is None
    assert numbering.of(pages.head + 0).tolist() == pages.head.tolist()
    words = pages.head.astype(np.uint64) | np.uint64(PRESENT)
    assert numbering.entries(words).tolist() == words.tolist()


@pytest.mark.parametrize("nodes", [NODES, NodeMap.of_spans([])])
def test_no_pages(nodes: NodeMap) -> None:
    numbering = by_lot(Pages.of([]), nodes)
    assert numbering.of(np.array([5])).tolist() == [0]
    assert numbering.end > 0
