"""Looks for true addresses in what is shown to who may not see any."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hugescope_server.veil.places import Places
from hugescope_server.veil.sight import VeiledSight
from hugescope_server.veil.spaces import Spaces
from hugescope_wire.host import ProcessInfo
from hugescope_wire.record import Record

NUMBER = re.compile(r"[0-9a-fA-F]{6,}")


def ranges_of(processes: Iterable[ProcessInfo]) -> list[tuple[int, int]]:
    """Where the mappings of these processes lie, the byte behind each included."""
    return [(info.start, info.end) for process in processes for info in process.mappings]


def addresses_in(text: str, ranges: Iterable[tuple[int, int]]) -> list[str]:
    """Numbers in a text, decimal or hexadecimal, that lie in one of these ranges."""
    known, found = list(ranges), []
    for token in NUMBER.findall(text):
        values = {int(token, 16)} | ({int(token)} if token.isdigit() else set())
        if any(start <= value <= end for start, end in known for value in values):
            found.append(token)
    return found


def sight_of(processes: Iterable[ProcessInfo]) -> VeiledSight:
    """How a viewer sees a host with these processes."""
    places = Places(b"s")
    return VeiledSight(places, Spaces(processes, places, {}))


def check_hidden(processes: Iterable[ProcessInfo], records: Iterable[Record]) -> None:
    """No record of these shows a viewer a true address, not of memory outside the picture either:
    on this kernel all of it lies from 0x700000000000 on.
    """
    known = list(processes)
    sight, ranges = sight_of(known), [*ranges_of(known), (0x7000_0000_0000, 1 << 47)]
    for record in records:
        shown = sight.shown(record).model_dump_json()
        assert addresses_in(shown, ranges) == [], shown
