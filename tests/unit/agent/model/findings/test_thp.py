import pytest

from hugescope_agent.not_huge import NotHugeMapping
from hugescope_wire.findings import CellLink
from tests.unit.agent.model.findings.made_facts import facts, found, only
from tests.unit.wire.made_wire import MIB2


def item(asked: bool | None, *, wanted: bool, pages: int = 8) -> NotHugeMapping:
    return NotHugeMapping(41, "qemu", 0x7E0000000000, 0x7E0001000000, pages * MIB2, asked, wanted)


@pytest.mark.parametrize(
    ("asked", "wanted", "severity", "says"),
    [
        (True, True, "notice", "although it asked for huge pages there."),
        (False, True, "notice", "although this host gives huge pages to every mapping."),
        (False, False, "info", "and did not ask for huge pages there."),
        (None, False, "info", "and whether it asked for huge pages cannot be read."),
    ],
)
def test_memory_in_base_pages(asked: bool | None, wanted: bool, severity: str, says: str) -> None:
    finding = only(facts(not_huge=[item(asked, wanted=wanted)]), "huge-pages-not-got")
    assert finding.severity == severity
    assert finding.what == f"qemu (41) has 16 MiB at 0x7e0000000000 in base pages only, {says}"
    assert finding.links == [CellLink(pid=41, start=0x7E0000000000)]


def test_with_less_than_a_huge_page_there_nothing_was_missed() -> None:
    assert not found(facts(not_huge=[item(True, wanted=True, pages=0)]), "huge-pages-not-got")
