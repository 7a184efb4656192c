"""HugetlbPages of status against page tables: every difference is reported, with its reason."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hugescope.commands.snapshot import take
from hugescope_agent.kernel.root import Root

DIFFERENCES: dict[str, list[tuple[int, int, str | None]]] = {
    # Ten pages of 2 MiB lie in a PMD table that process 159 was counted for.
    "stock-6.12-stage1": [(161, 20480 << 10, "shared_table")],
    "stock-6.12-stage3": [(161, 20480 << 10, "shared_table")],
    "hgm-v2-stage2": [],
    "hgm-v2-stage3": [],
    # Two pages that were collapsed.
    "hgm-v2-stage4": [(41, 4096 << 10, "collapse")],
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_status_and_page_tables(name: str, tree: Callable[[str], Path]) -> None:
    look, _ = take(Root.at(str(tree(name))), None)
    assert look.report is not None
    found = [
        (one.pid, one.mapped_bytes - one.status_bytes, one.reason)
        for one in look.report.status_differences
    ]
    assert found == DIFFERENCES[name]
