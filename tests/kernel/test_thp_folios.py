"""Large folios smaller than a PMD, on the real kernel."""

import pytest

from tests.kernel.thp_cases import (
    BASE,
    DONTNEED,
    HUGEPAGE,
    MIB2,
    PAGE,
    differences,
    khugepaged_asleep,
    looking,
    setting,
    thp_process,
)

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures(khugepaged_asleep.__name__)]
TRIES = 50
"""The kernel takes base pages where there is nothing larger at the moment."""


def test_small_large_folios() -> None:
    size = 64 << 10
    with setting("hugepages-64kB/enabled", "madvise"), thp_process() as process:
        for attempt in range(TRIES):
            # No room for a PMD: only the folios themselves make it worth a look.
            start = BASE + 2 * attempt * MIB2 + (512 << 10)
            process.mmap(start, 8 * size)
            process.madvise(start, 8 * size, HUGEPAGE)
            process.write(start, 8 * size)
            process.madvise(start + size, 4 * PAGE, DONTNEED)
            with looking(process.pid) as look:
                # Of base pages alone there is nothing to show.
                if look.states(process.pid):
                    assert look.states(process.pid) == ["small"]
                    folio_bytes = look.facts(process.pid)[start].folio_bytes or {}
                    assert sum(folio_bytes.values()) == 8 * size - 4 * PAGE
                    if folio_bytes.get(size) == 8 * size - 4 * PAGE:
                        assert not differences(look, process.pid)
                        return
            process.munmap(start, 8 * size)
    pytest.skip(f"no 64 KiB of contiguous memory to be had, {TRIES} times")
