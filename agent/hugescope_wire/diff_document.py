"""What is different between two looks, as other people's scripts read it: `hugescope/diff/1`."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue

from hugescope_wire.account import Pid, ProcessRef
from hugescope_wire.host import Source
from hugescope_wire.record import Count, Record, State
from hugescope_wire.secrecy import Address, AsItIs, EndAddress, Name, NoAddress
from hugescope_wire.snapshot import Backing, Capabilities, Flag, HostInfo

DIFF_SCHEMA: Final = "hugescope/diff/1"

Aspect = Literal["state", "mapped_bytes", "mapcount", "mappers", "node", "flags"]


class _Part(Record):
    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class DiffSide(Record):
    """One of the two looks; `label` is what was typed. Where one could read what the other could
    not, what is unknown there counts as different. Of a captured tree `taken_at` is when it was
    read, not when it was captured.
    """

    label: str
    taken_at: AwareDatetime
    source: Source
    host: HostInfo
    capabilities: Capabilities


class MappingRef(Record):
    """A mapping of one side, and what it has in page tables."""

    pid: Pid
    comm: Name | None
    start: Address
    end: EndAddress
    page_size: Count
    kind: Literal["hugetlb", "thp"]
    backing: Backing
    cells: Count
    mapped_bytes: Count


class CellFacts(Record):
    """What is told of a cell; null is unknown."""

    state: State
    mapped_bytes: Count
    mapcount: Count | None
    mappers: Count | None
    node: Count | None
    flags: list[Flag]


class KindOfChange(_Part):
    """So many cells that changed from one value to another; flags as words with a space between."""

    from_: Annotated[str | int | None, AsItIs(), NoAddress()] = Field(alias="from")
    to: Annotated[str | int | None, AsItIs(), NoAddress()]
    cells: Count


class StateChange(_Part):
    """Changed cells by their state in a and in b, which may be equal: then it is something else of
    them that changed.

    Attributes:
        bytes_a, bytes_b: mapped of them in a and in b.
    """

    from_: State = Field(alias="from")
    to: State
    cells: Count
    bytes_a: Count
    bytes_b: Count


class AspectDiff(Record):
    """Cells that differ in one aspect, by kind of change, the most frequent first.

    `other_kinds`: kinds that are not listed, as there are too many.
    """

    aspect: Aspect
    cells: Count
    kinds: list[KindOfChange]
    other_kinds: Count


class DiffRun(_Part):
    """Neighbours that changed alike: from `first_a` in a, from `first_b` in b."""

    first_a: Count
    first_b: Count
    count: Annotated[int, Field(ge=1)]
    from_: CellFacts = Field(alias="from")
    to: CellFacts


class FactDiff(_Part):
    """Something told of the mapping as a whole."""

    name: str
    from_: JsonValue = Field(alias="from")
    to: JsonValue


class MappingDiff(Record):
    """Two mappings that were compared.

    Attributes:
        matched_by: "address": same process and address; "backing": same file; "guest": same place
            in the guest's RAM; "position": the n-th of its size; "named": somebody named both.
        compared: cells that both have; `changed` those that differ in anything.
        only_a, only_b: cells that the other is too short for.
        came_bytes, went_bytes: mapped in b and not in a, and the other way, by how much each cell
            has mapped; a page that took another's place is not seen.
        changes: all that changed, by state, the most frequent first.
        aspects: those that differ.
        runs: every changed cell, unless fewer were asked for than the `run_total` that there are.
    """

    a: MappingRef
    b: MappingRef
    matched_by: Literal["address", "backing", "guest", "position", "named"]
    compared: Count
    changed: Count
    only_a: Count
    only_b: Count
    came_bytes: Count
    went_bytes: Count
    facts: list[FactDiff]
    changes: list[StateChange]
    aspects: list[AspectDiff]
    run_total: Count
    runs: list[DiffRun]

    @property
    def differs(self) -> bool:
        """Whether anything does: a cell, how many there are, or what is told of it as a whole."""
        return bool(self.changed or self.only_a or self.only_b or self.facts)


class PoolDiff(_Part):
    """A counter of a pool, in pages of `page_size`; null: not there."""

    page_size: Count
    node: Count | None
    counter: Literal["total", "free", "reserved", "surplus"]
    from_: Annotated[int | None, NoAddress()] = Field(alias="from")
    to: Annotated[int | None, NoAddress()]


class DiffDocument(Record):
    """All that is different. `pools` is null where mappings were chosen, which have none.

    `changed_cells`, `came_bytes` and `went_bytes` are of all mappings, also of those in `only_a`
    and `only_b`.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, serialize_by_alias=True
    )

    schema_name: Literal["hugescope/diff/1"] = Field(DIFF_SCHEMA, alias="schema")
    a: DiffSide
    b: DiffSide
    same: bool
    compared_cells: Count
    changed_cells: Count
    came_bytes: Count
    went_bytes: Count
    mappings: list[MappingDiff]
    only_a: list[MappingRef]
    only_b: list[MappingRef]
    processes_only_a: list[ProcessRef]
    processes_only_b: list[ProcessRef]
    pools: list[PoolDiff] | None
