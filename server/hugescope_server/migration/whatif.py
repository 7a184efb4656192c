"""The demand of a migration at other page sizes: computed from what was demanded, not seen.

A fault brings its whole page. So at another size the addresses that were demanded lie in so many
pages, and each fault waits for one of them to pass through the link. Of a page that came whole only
the first fault is seen: at a smaller size further faults in it are likely, and the number of pages
is the least that it can be.
"""

from __future__ import annotations

from typing import Final

from hugescope_server.migration.demand import Demand
from hugescope_wire.migration import WhatIf

SIZES: Final = (4096, 2 << 20, 1 << 30)


def what_if(demand: Demand, page_size: int, rate_bytes_per_s: float | None) -> list[WhatIf]:
    """At each size, the smallest first; empty where nothing was demanded or no rate is known."""
    if not rate_bytes_per_s or not demand.pages(SIZES[0]):
        return []
    rows = []
    for size in sorted({*SIZES, page_size}):
        pages, wait_s = demand.pages(size), size / rate_bytes_per_s
        rows.append(
            WhatIf(
                page_size=size,
                actual=size == page_size,
                pages=pages,
                bytes=pages * size,
                wait_s=wait_s,
                total_wait_s=pages * wait_s,
            )
        )
    return rows
