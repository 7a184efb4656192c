"""Every record that travels says by its types what is secret in it, and none holds a PFN."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator
from types import NoneType
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

import hugescope_server
import hugescope_wire
from hugescope_wire.cells import Cells
from hugescope_wire.comparison import Comparison
from hugescope_wire.extents import ExtentPage
from hugescope_wire.groups import Groups
from hugescope_wire.host import HostDelta, HostFrame
from hugescope_wire.messages import (
    FromViewer,
    Overview,
    PageAnswer,
    PageQuery,
    ToAgent,
    ToViewer,
)
from hugescope_wire.page import PageDetail
from hugescope_wire.record import Record
from hugescope_wire.secrecy import Address, EndAddress, InMapping, NoAddress
from hugescope_wire.snapshot import Snapshot

TO_A_VIEWER = (ToViewer, FromViewer, Overview, Snapshot, ExtentPage, PageDetail, Comparison)
FROM_AN_AGENT = (ToAgent, HostFrame, HostDelta, PageQuery, PageAnswer)

SOUNDS_LIKE_AN_ADDRESS = re.compile(
    r"(^|_)(addr|address|addresses|va|vaddr|virtual|ptr|pointer|start|starts|end|ends|begin|from|to"
    r"|until|low|high|base|lowest|highest|hva|gva|ip|pc|sp|brk|stack)($|_)"
)
HAS_ANOTHER_UNIT = re.compile(r"_(s|ms|hz|bytes|pages|at)$")
SOUNDS_LIKE_A_FRAME = re.compile(r"pfn|frame_?(no|num|id)|hpa|phys|physical|page_frame")


def fields_of(annotation: Any) -> Iterator[tuple[type[Record], str, Any, tuple[Any, ...]]]:
    """Of all records that a type holds, to any depth: each field, with its type and its marks."""
    waiting, seen = [annotation], set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, Record):
            if one in seen:
                continue
            seen.add(one)
            for name, info in one.model_fields.items():
                yield one, name, info.annotation, tuple(info.metadata)
                waiting.append(info.annotation)
        else:
            waiting += [part for part in get_args(one) if part is not NoneType]


def leaves(annotation: Any, marks: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """The plain types in an annotation, each with the marks around it."""
    parts = get_args(annotation)
    if not parts:
        yield annotation, marks
        return
    around = tuple(part for part in parts if dataclasses.is_dataclass(part))
    for part in parts:
        yield from leaves(part, marks + around)


def sounds_unmarked(name: str, annotation: Any, marks: tuple[Any, ...]) -> bool:
    if not SOUNDS_LIKE_AN_ADDRESS.search(name) or HAS_ANOTHER_UNIT.search(name):
        return False
    return any(
        leaf is int and not any(isinstance(mark, InMapping | NoAddress) for mark in around)
        for leaf, around in leaves(annotation, marks)
    )


@pytest.mark.parametrize("sent", [*TO_A_VIEWER, *FROM_AN_AGENT])
def test_what_sounds_like_an_address_says_whether_it_is_one(sent: Any) -> None:
    fields = list(fields_of(sent))
    assert fields
    unmarked = [
        f"{record.__name__}.{name}"
        for record, name, annotation, marks in fields
        if sounds_unmarked(name, annotation, marks)
    ]
    assert unmarked == []


def test_the_test_above_would_see_a_forgotten_mark() -> None:
    class Forgetful(Record):
        fault_address: int | None
        ends: list[int]
        ends_at: int
        begin_s: int
        known: Address | None
        until: EndAddress

    found = [
        name
        for _, name, annotation, marks in fields_of(Forgetful)
        if SOUNDS_LIKE_AN_ADDRESS.search(name) and sounds_unmarked(name, annotation, marks)
    ]
    assert found == ["fault_address", "ends"]


def test_an_address_is_always_said_to_be_some_process() -> None:
    """Its record, or one around it, names the process: else nobody could say what it stands for."""
    named = {
        record.__name__: {"pid", "process"} & set(record.model_fields)
        for record, _, annotation, marks in fields_of(tuple[TO_A_VIEWER])  # type: ignore[valid-type]
        for _, around in leaves(annotation, marks)
        if any(isinstance(mark, InMapping) and mark.side is None for mark in around)
    }
    inside = {"MappingInfo": "Subscribed: by its id", "Extent": "ExtentPage"}
    inside |= {"MappingSummary": "ProcessSummary", "Mapping": "Process"}
    without = {name for name, by in named.items() if not by}
    assert without == set(inside)
    assert len(named) > 10


def every_record() -> list[type[Record]]:
    """Of the wire and of the server's answers, whether or not anything refers to it."""
    for package in (hugescope_wire, hugescope_server):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    waiting, found = [Record], []
    while waiting:
        one = waiting.pop()
        waiting += one.__subclasses__()
        if one.__module__.startswith(("hugescope_wire", "hugescope_server")):
            found.append(one)
    return found


def test_no_record_has_a_field_for_a_page_frame_number() -> None:
    records = every_record()
    assert len(records) > 80
    holding = {
        f"{record.__name__}.{name}"
        for record in records
        for name, info in record.model_fields.items()
        if SOUNDS_LIKE_A_FRAME.search(name) and info.annotation is not bool
    }
    assert holding == set()


def test_no_column_of_cells_or_groups_is_a_page_frame_number() -> None:
    """Binary blocks hold these columns and nothing else (docstrings of blocks.py and groups.py)."""
    cells = {field.name for field in dataclasses.fields(Cells)}
    assert cells == {"state", "flags", "node", "mapped_pages", "mapcount", "mappers"}
    groups = {field.name for field in dataclasses.fields(Groups)}
    assert groups == {"mapped_pages", "counts", "flagged", "mapcount", "mappers", "node"}


def test_marks_leave_the_schema_as_it_is() -> None:
    assert TypeAdapter(Address).json_schema() == {"minimum": 0, "type": "integer"}
    assert TypeAdapter(Address | None).validate_python(None) is None
