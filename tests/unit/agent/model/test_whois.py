"""Who maps this page, and the sentences that say why counts differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hugescope_agent.errors import AskError
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.sharing import ProcessMappings, Sharing
from hugescope_agent.model.whois import page_detail
from hugescope_wire.cells import CellFlag, CellState
from hugescope_wire.page import PageDetail, PartRun
from tests.unit.agent.model.made_model import MIB2, START, FakeKernel, set_present, tracked


class Host:
    """Mappings by pid, and the counts that the kernel gives."""

    def __init__(self, counts: dict[int, int]) -> None:
        kernel = FakeKernel(count=counts)
        self.mappers = kernel.reader().mappers
        self.processes: list[ProcessMappings] = []

    def add(self, pid: int, *mappings: TrackedMapping) -> None:
        """A process."""
        self.processes.append((pid, f"p{pid}", list(mappings)))

    def ask(self, pid: int, address: int, parts: tuple[PartRun, ...] = ()) -> PageDetail:
        """The page there, when all is joined."""
        everything = [mapping for _, _, mappings in self.processes for mapping in mappings]
        self.mappers.touch()
        self.mappers.settle(everything)
        sharing = Sharing(self.processes, self.mappers)
        return page_detail(self.processes, pid, address, sharing, parts)


def showing(host: Host, number: int, pfns: list[int | None], **vma: Any) -> TrackedMapping:
    """A mapping of one file with these pages."""
    mapping = tracked(number, len(pfns), **vma)
    host.mappers.replace(set_present(mapping, pfns), mapping.head_pfn)
    return mapping


def places(detail: PageDetail) -> list[tuple[int, int]]:
    """Pid and cell of each mapping."""
    assert detail.mapped_by is not None
    return [(mapper.pid, (mapper.address - START) // MIB2) for mapper in detail.mapped_by]


def test_by_pfn() -> None:
    host = Host({512: 3})
    host.add(2, showing(host, 3, [None, 512]))
    host.add(1, showing(host, 1, [512, 1024]), showing(host, 2, [512], start=START + 8 * MIB2))
    part = PartRun(first=0, count=1, part_bytes=MIB2, state="mapped", level="pmd", present_bytes=1)
    detail = host.ask(2, START + MIB2 + 7, (part,))
    assert places(detail) == [(1, 0), (1, 8), (2, 1)]
    assert (detail.mapcount, detail.mappers, detail.processes) == (3, 3, 2)
    assert detail.reasons == ["alias"]
    assert detail.explanation == ["3 mappings in 2 processes: one maps it repeatedly."]
    assert (detail.start, detail.first, detail.address) == (START, 1, START + MIB2)
    assert (detail.state, detail.mapped_bytes) == ("mapped", 0)
    assert detail.parts == [part]


def test_private_copies_of_one_offset_are_different_pages() -> None:
    host = Host({512: 1, 1024: 1})
    host.add(1, showing(host, 1, [512], shared=False))
    host.add(2, showing(host, 2, [1024], shared=False))
    assert places(host.ask(1, START)) == [(1, 0)]


def test_hidden_pages_by_file_and_offset() -> None:
    host = Host({})
    host.add(1, showing(host, 1, [0, 0, None]))
    copy = showing(host, 2, [0, 0], offset=MIB2, shared=False)
    copy.of_file[0] = True
    host.add(2, copy)
    host.add(3, showing(host, 3, [0], inode=8))
    detail = host.ask(1, START + MIB2)
    assert places(detail) == [(1, 1), (2, 0)]
    assert (detail.mapcount, detail.mappers, detail.processes) == (None, 2, 2)
    assert detail.explanation == ["The kernel's own count of this page cannot be read here."]
    assert detail.file_offset == MIB2
    of_file = host.ask(2, START)
    assert of_file.mapped_by == detail.mapped_by
    own = host.ask(2, START + MIB2)
    assert own.mapped_by is None
    assert own.explanation == [
        "Who else maps this page cannot be told: it is private and its number is hidden."
    ]


def test_a_mapping_that_nobody_sees_is_said_with_the_numbers() -> None:
    host = Host({512: 4})
    host.add(1, showing(host, 1, [512]))
    detail = host.ask(1, START)
    assert detail.reasons == ["unseen_mapping"]
    (sentence,) = detail.explanation
    assert sentence.startswith("The kernel counts 4, and 1 mapping can be seen")


def test_an_inferred_table_is_called_a_guess() -> None:
    host = Host({512: 1})
    for pid in (1, 2):
        mapping = showing(host, pid, [512])
        mapping.cells.flags[0] = CellFlag.SHARED_TABLE | CellFlag.INFERRED
        host.add(pid, mapping)
    everything = [mapping for _, _, mappings in host.processes for mapping in mappings]
    host.mappers.settle(everything)
    for mapping in everything:
        mapping.cells.flags[0] = CellFlag.SHARED_TABLE | CellFlag.INFERRED
    sharing = Sharing(host.processes, host.mappers)
    detail = page_detail(host.processes, 1, START, sharing)
    assert detail.flags == ["shared_table", "inferred"]
    (sentence,) = detail.explanation
    assert "guess" in sentence
    assert sentence.startswith("2 mappings and a mapcount of 1")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (CellState.HOLE, "Nothing is mapped here."),
        (CellState.MARKER, "userfaultfd"),
        (CellState.POISONED, "memory error"),
        (CellState.MIGRATING, "moving, or poisoned"),
    ],
)
def test_where_no_page_is(state: CellState, words: str) -> None:
    host = Host({512: 1})
    mapping = showing(host, 1, [None, 512], shared=False)
    mapping.cells.state[0] = state
    host.add(1, mapping)
    detail = host.ask(1, START)
    assert detail.state == state.label
    assert detail.mapped_by == []
    assert (detail.mapcount, detail.mappers, detail.reasons) == (None, None, [])
    (sentence,) = detail.explanation
    assert words in sentence


def test_a_hole_that_a_lost_page_left_is_told_as_poisoned() -> None:
    host = Host({})
    host.add(1, showing(host, 1, [None], shared=False))
    hole = PartRun(first=0, count=512, part_bytes=4096, state="hole", level=None, present_bytes=0)
    sharing = Sharing(host.processes, host.mappers)
    detail = page_detail(host.processes, 1, START, sharing, [hole], lost=True)
    assert (detail.state, detail.flags) == ("poisoned", ["inferred"])
    assert detail.explanation == ["A memory error likely took the page that was here."]
    assert [(part.state, part.inferred) for part in detail.parts] == [("poisoned", True)]


def test_a_hole_of_a_shared_file_names_who_shows_the_page() -> None:
    host = Host({512: 1})
    host.add(1, showing(host, 1, [None]))
    host.add(2, showing(host, 2, [512]))
    detail = host.ask(1, START)
    assert places(detail) == [(2, 0)]
    assert detail.explanation[-1] == "The file's page for this place is shown by 1 mapping."


def test_nothing_to_ask_about() -> None:
    host = Host({})
    host.add(1, showing(host, 1, [None]))
    with pytest.raises(AskError, match="no huge page mapping at") as refusal:
        host.ask(1, START + MIB2)
    assert refusal.value.code == "no_such_mapping"
    with pytest.raises(AskError, match="no process 2") as refusal:
        host.ask(2, START)
    assert refusal.value.code == "no_such_process"


def test_differences_without_a_known_reason_are_said_to_be_so() -> None:
    host = Host({512: 1})
    for pid in (1, 2):
        host.add(pid, showing(host, pid, [512]))
    detail = host.ask(1, START)
    assert detail.reasons == []
    assert detail.explanation == ["2 mappings and a mapcount of 1: why they differ is not known."]
    assert np.array_equal(host.processes[0][2][0].cells.mappers, [2])
