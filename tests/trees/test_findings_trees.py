"""What is found in the captured trees, and that nothing else is."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from hugescope.commands.snapshot import looking, take
from hugescope_agent.kernel.root import Root
from hugescope_wire.findings import Finding
from tests.unit.server.veil.peeping import check_hidden

MIB2 = 2 << 20

EXPECTED = {
    "hgm-v2-stage2": {
        "split-mapping": 1,
        "userfaultfd-registered": 1,
        "idle-pool": 1,
        "partial-view": 1,
    },
    "hgm-v2-stage3": {
        "split-mapping": 2,
        "mapcount-differs": 3,
        "userfaultfd-registered": 1,
        "unused-reservation": 1,
    },
    "hgm-v2-stage4": {
        "split-mapping": 2,
        "userfaultfd-registered": 1,
        "partial-view": 1,
    },
    "stock-6.12-stage1": {
        "sigbus-risk": 2,
        "shared-table": 1,
        "unused-reservation": 2,
        "userfaultfd-registered": 1,
    },
    "stock-6.12-stage3": {
        "poisoned-page": 4,
        "pages-dissolved": 1,
        "sigbus-risk": 2,
        "mapcount-differs": 2,
        "shared-table": 1,
        "unused-reservation": 2,
        "userfaultfd-registered": 1,
    },
}


def found(root: Path) -> list[Finding]:
    look, _ = take(Root.at(str(root)), None)
    assert look.report is not None
    check_hidden(look.processes, [look.report])
    return look.report.findings


@pytest.mark.parametrize("name", EXPECTED)
def test_codes(tree: Callable[[str], Path], name: str) -> None:
    assert Counter(finding.code for finding in found(tree(name))) == EXPECTED[name]


def test_lost_pages_with_all_their_places(tree: Callable[[str], Path]) -> None:
    """One private page and one of a memfd that two processes map; and what was dissolved."""
    findings = found(tree("stock-6.12-stage3"))
    lost = [one for one in findings if one.severity == "critical"]
    assert [one.pids for one in lost] == [[159], [159, 161]]
    assert [(link.start, link.first) for link in lost[1].links] == [
        (0x7E1000000000, 2),
        (0x7D1000000000, 2),
    ]
    dissolved = next(one for one in findings if one.code == "pages-dissolved")
    assert dissolved.command is not None
    assert dissolved.command.startswith("echo 96 > ")


def test_a_lost_page_leads_to_a_cell_that_says_so(tree: Callable[[str], Path]) -> None:
    with looking(Root.at(str(tree("stock-6.12-stage3")))) as sampler:
        sampler.settle()
        report = sampler.survey()
        lost = [one for one in report.findings if one.severity == "critical"]
        for link in (link for finding in lost for link in finding.links):
            page = sampler.page(link.pid, link.start + link.first * MIB2, None)
            assert (page.state, page.flags, page.first) == ("poisoned", ["inferred"], link.first)
            assert page.explanation[0] == "A memory error likely took the page that was here."
            assert {part.state for part in page.parts} == {"poisoned"}
        nobody = sampler.page(159, 0x7E0000C00000 + 2 * MIB2, None)
        assert (nobody.state, nobody.explanation) == ("hole", ["Nothing is mapped here."])


def test_commands_are_for_pools_and_processes_of_the_tree(tree: Callable[[str], Path]) -> None:
    for finding in found(tree("stock-6.12-stage1")):
        assert {link.pid for link in finding.links} <= set(finding.pids) <= {159, 161, 162}
