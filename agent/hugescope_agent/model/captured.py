"""Mappings of a captured tree whose page-table entries were not captured.

A capturer may save pagemap for one mapping only, as that of a whole process is large. Of the others
smaps tells how much is mapped, and nothing tells where. They are shown as holes that are inferred,
and named in a limit. A pagemap that ends inside a mapping was cut, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hugescope_agent.kernel.pagemap import Held
from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_wire.cells import PAGE_BYTES
from hugescope_wire.host import Limit


def not_captured(
    held: Sequence[Held], smaps: Sequence[SmapsVma | None], corrupted_bytes: int | None
) -> list[bool]:
    """Of which hugetlb mappings of one process pagemap was not captured.

    Those beyond its end, as long as it reaches to any of them, and those in a gap of the sparse
    file though smaps counts pages: more than memory errors, whose entries read 0 too, account for.

    Args:
        held: what the file has in the place of each mapping.
        smaps: of each, None where it was not read.
        corrupted_bytes: HardwareCorrupted, 4 KiB for each bad page; None: not known, or none.
    """
    reached = any(one != "beyond" for one in held)
    return [
        (one == "beyond" and reached) or (one == "gap" and _beyond_poison(entry, corrupted_bytes))
        for one, entry in zip(held, smaps, strict=True)
    ]


def _beyond_poison(smaps: SmapsVma | None, corrupted_bytes: int | None) -> bool:
    if smaps is None:
        return False
    bad_pages = (corrupted_bytes or 0) // PAGE_BYTES
    return (smaps.hugetlb_bytes or 0) > bad_pages * smaps.vma.page_size


def uncaptured_limits(mappings: Iterable[TrackedMapping]) -> list[Limit]:
    """One limit that names all such mappings; none for none."""
    found = [mapping for mapping in mappings if mapping.uncaptured]
    if not found:
        return []
    plural = "" if len(found) == 1 else "s"
    return [
        Limit(
            capability="pagemap",
            reason=f"the capture holds no pagemap entries of {len(found)} mapping{plural}, "
            f"in which smaps counts {counted_bytes(found)} bytes",
            cost="their cells are not known, and accounts and reservations lack them",
            remedy="capture the whole pagemap",
        )
    ]


def counted_bytes(mappings: Iterable[TrackedMapping]) -> int:
    """What smaps counts in these mappings."""
    return sum(m.smaps.hugetlb_bytes or 0 for m in mappings if m.smaps is not None)
