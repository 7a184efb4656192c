"""What of a record is kept from some who look, said by the type of its field.

An address is worth something to an attacker: it gives away what address space randomisation hides.
So every field of a record that holds one is an `Address`, and the server replaces them all for
those who may not see them, by looking at types, in new records too. Text is looked through for
addresses unless it is a `Name`. A test takes every record that can reach a viewer and fails for a
field that sounds like an address and does not say whether it is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, slots=True)
class InMapping:
    """The number is a virtual address of the process that the record, or one around it, names.

    Attributes:
        is_end: of the first byte behind what is meant.
        side: whose it is, where a record has addresses of both ends of a migration.
    """

    is_end: bool = False
    side: Literal["source", "destination"] | None = None


@dataclass(frozen=True, slots=True)
class NoAddress:
    """The number sounds like an address and is none."""


@dataclass(frozen=True, slots=True)
class AsItIs:
    """The text is a name, an id or a word of a fixed list, and never put together from others."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """The text tells one thing from others, may hold an address, and is for no other use."""


Address = Annotated[int, Field(ge=0), InMapping()]
EndAddress = Annotated[int, Field(ge=0), InMapping(is_end=True)]
SourceAddress = Annotated[int, Field(ge=0), InMapping(side="source")]
DestinationAddress = Annotated[int, Field(ge=0), InMapping(side="destination")]
Name = Annotated[str, AsItIs()]
Key = Annotated[str, Opaque()]
