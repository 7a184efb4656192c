"""What the two sides of a post-copy tell their parent: one JSON object a line on standard output.

``{"ready": {"side", "start_va", "size_bytes", "page_size_bytes"}}`` once from each side, then from
the source ``{"progress": {"round", "phase", "pages", "present", "demanded", "swept"}}``.
"""

import dataclasses
import json
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where a round stands."""

    FILLING = "filling"
    """The source's memory is being written; once, before the first round."""
    COPYING = "copying"
    """Pages arrive at the destination."""
    DONE = "done"
    """All pages are present, and samples of them were compared."""
    PAUSED = "paused"
    """Nothing happens until the next round empties the destination."""


@dataclass(frozen=True)
class Side:
    """A side's memory: which process, at which address; ``name`` is its comm."""

    name: str
    pid: int
    start_va: int
    size_bytes: int
    page_size_bytes: int


@dataclass(frozen=True)
class Progress:
    """The destination's pages in a round; ``present`` is ``demanded`` + ``swept``.

    Rounds count from 1; 0 stands for the time before the first.
    """

    round: int
    phase: Phase
    pages: int
    present: int
    demanded: int
    swept: int


def ready_line(start_va: int, size_bytes: int, page_size_bytes: int) -> str:
    """The line a side says when its memory is mapped."""
    return json.dumps(
        {
            "ready": {
                "start_va": start_va,
                "size_bytes": size_bytes,
                "page_size_bytes": page_size_bytes,
            }
        }
    )


def progress_line(progress: Progress) -> str:
    """The line the source says when a count or the phase has changed."""
    return json.dumps({"progress": dataclasses.asdict(progress)})


def parse_line(line: bytes, name: str, pid: int) -> Side | Progress:
    """The record a line of side ``name`` holds; ValueError for anything else."""
    try:
        message = json.loads(line)
        if "ready" in message:
            return Side(name, pid, **message["ready"])
        fields = message["progress"]
        return Progress(**{**fields, "phase": Phase(fields["phase"])})
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name} said {line!r}, which is no progress ({error})") from error
