"""Places for mappings in an address space that stands in for each process' own.

A place begins at a number times 64 GiB, and its number says nothing but the order in which places
were given out: so what a viewer sees of an address is how far it is from the mapping's start. What
has a place of its process keeps it as long as anybody holds on to it; then the number may be
another mapping's. Two processes' places have nothing to do with each other, or who can map memory
at an address of his choice could find out whether another process has a mapping there.

A mapping begins at the start of a page table here, wherever it does so in truth. Numbers stay below
2**53 for all that a kernel can map; for what a made-up host says beyond that they are multiples of
64 GiB, which are exact as doubles too.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakValueDictionary

from hugescope_wire.cells import PAGE_BYTES
from hugescope_wire.view import TABLE_ENTRIES

UNIT_BYTES: Final = 1 << 36
UNITS: Final = 1 << 17
"""2**53 bytes in all."""

STRANGERS: Final = 1024
"""Places kept of what reports tell of mappings that are not in the picture."""

_Key = tuple[int, int, int]


@dataclass(slots=True, eq=False, weakref_slot=True)
class Place:
    """Units `number` to `number + units` of one process; they are taken as long as this lives."""

    number: int
    units: int
    room: Room

    @property
    def base(self) -> int:
        """Its first byte."""
        return self.number * UNIT_BYTES


@dataclass(slots=True, eq=False, weakref_slot=True)
class Room:
    """The stand-in address space of one process: places from the first unit on, and again from
    there when the end was reached, where places are free again.
    """

    places: WeakValueDictionary[_Key, Place] = field(default_factory=WeakValueDictionary)
    _gaps: list[tuple[int, int]] = field(default_factory=lambda: [(1, UNITS)])
    _beyond: int = UNITS

    def place(self, start: int, end: int, page_size: int) -> Place:
        """That of the mapping at `start`; it stays the same one while the mapping grows by little.

        Page tables of `page_size` begin where it does.
        """
        units = _units(end - start + start % page_size)
        key = (start, page_size, units)
        place = self.places.get(key)
        if place is None:
            align = max(1, TABLE_ENTRIES * page_size // UNIT_BYTES)
            place = self.places[key] = Place(self._take(units, align), units, self)
        return place

    def _take(self, units: int, align: int) -> int:
        if self._beyond == UNITS:
            number = self._fitting(units, align)
            if number is None:
                self._gaps = self._free()
                number = self._fitting(units, align)
            if number is not None:
                return number
        number = -(-self._beyond // align) * align
        self._beyond = number + units
        return number

    def _fitting(self, units: int, align: int) -> int | None:
        """From the first gap that is large enough; those before it wait for the next round."""
        while self._gaps:
            begin, end = self._gaps.pop()
            number = -(-begin // align) * align
            if number + units <= end:
                self._gaps.append((number + units, end))
                return number
        return None

    def _free(self) -> list[tuple[int, int]]:
        """What nothing lies in, the lowest last."""
        live = list(self.places.values())
        taken = sorted((place.number, place.number + place.units) for place in live)
        gaps, at = [], 1
        for begin, end in taken:
            if begin > at:
                gaps.append((at, min(begin, UNITS)))
            at = max(at, end)
        if at < UNITS:
            gaps.append((at, UNITS))
        return gaps[::-1]


class Places:
    """Of one host. May be asked from several threads."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._rooms: WeakValueDictionary[int, Room] = WeakValueDictionary()
        self._strangers: deque[Place] = deque(maxlen=STRANGERS)
        self._lock = threading.Lock()

    def place(self, pid: int, start: int, end: int, page_size: int) -> Place:
        """That of this mapping, as long as anybody holds on to it."""
        with self._lock:
            room = self._rooms.get(pid)
            if room is None:
                room = self._rooms[pid] = Room()
            return room.place(start, end, page_size)

    def stranger(self, pid: int, address: int) -> int:
        """What stands in for an address of which nothing is known, not even its mapping."""
        place = self.place(pid, address, address + 1, PAGE_BYTES)
        self._strangers.append(place)
        return place.base

    def opaque(self, text: str) -> str:
        """Another text for each text, the same for the same one in one run of the server."""
        return hmac.digest(self._secret, text.encode(), hashlib.sha256).hex()[:16]


class Atlas:
    """All hosts' places: one for a server, so that what shows a host as it was and what shows it as
    it is give a mapping the same place.
    """

    def __init__(self) -> None:
        self._secret: Final = secrets.token_bytes(32)
        self._hosts: WeakValueDictionary[str, Places] = WeakValueDictionary()

    def host(self, host_id: str) -> Places:
        """Those of this host, as long as anybody holds on to them."""
        places = self._hosts.get(host_id)
        if places is None:
            places = self._hosts[host_id] = Places(self._secret)
        return places


def _units(size_bytes: int) -> int:
    """A power of two, so that what grows moves seldom."""
    return 1 << (-(-size_bytes // UNIT_BYTES) - 1).bit_length()
