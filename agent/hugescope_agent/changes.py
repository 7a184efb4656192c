"""What changed on a host since it was last told."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from hugescope_agent.model.mapping import Index


@dataclass(slots=True)
class Changes:
    """What changed and was not told yet.

    Attributes:
        cells: indices of changed cells by mapping id.
        pids: processes of which more than cells changed; `gone_pids` left.
        released: mappings that are no more.
    """

    cells: dict[int, list[Index]] = field(default_factory=lambda: defaultdict(list))
    pids: set[int] = field(default_factory=set)
    gone_pids: set[int] = field(default_factory=set)
    released: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.cells or self.pids or self.gone_pids)

    def clear(self) -> None:
        """All of it was told."""
        for part in (self.cells, self.pids, self.gone_pids, self.released):
            part.clear()
