import re
from typing import Any

import pytest

from hugescope_agent.workloads.qemu.plan import MIB, GuestPlan


def test_what_follows_from_a_plan() -> None:
    plan = GuestPlan(size_bytes=512 * MIB, writes_per_s=50)
    assert (plan.pages, plan.filled_mib, plan.hot_mib, plan.rest_us) == (256, 332, 128, 20_000)
    assert GuestPlan(writes_per_s=0).rest_us == 0
    assert GuestPlan(size_bytes=1 << 30, page_size_bytes=1 << 30).pages == 1
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", plan.uuid)
    assert plan.uuid != GuestPlan().uuid


def test_a_guest_writes_no_more_than_it_fills() -> None:
    plan = GuestPlan(filled=0.1, precopied=0.05)
    assert plan.hot_mib == plan.filled_mib == 51


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"page_size_bytes": 3 * MIB}, "page_size_bytes: 3145728 is not a page size"),
        ({"size_bytes": 513 * MIB}, "size_bytes: 537919488 is not whole pages of 2097152"),
        ({"size_bytes": 64 * MIB}, "size_bytes: a guest needs 192 MiB at least"),
        ({"precopy_bytes_per_s": 1.0}, "precopy_bytes_per_s: 1.0 is not 1 MiB or more"),
        ({"postcopy_bytes_per_s": float("nan")}, "postcopy_bytes_per_s: nan is not"),
        ({"filled": 0.9}, "filled: 0.9 is not between 0 and 0.65"),
        ({"precopied": 0.65}, "precopied: 0.65 is not between 0 and 0.65"),
        ({"writes_per_s": -1.0}, "writes_per_s: -1.0 is not 0 or more"),
    ],
)
def test_what_cannot_be_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        GuestPlan(**changes)
