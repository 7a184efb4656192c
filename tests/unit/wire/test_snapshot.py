"""The snapshot's JSON against its own JSON Schema, and both against the contract."""

import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from pydantic import ValidationError as RecordError

from hugescope_wire.cells import CellState
from hugescope_wire.snapshot import Pool, Snapshot
from tests.unit.wire.made_wire import (
    MIB2,
    Row,
    any_rows,
    mapping_info,
    picture_of,
    several,
    whole_row,
)

SCHEMA = Snapshot.model_json_schema(mode="serialization", by_alias=True)
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=FormatChecker())
RUN = {"first", "count", "state", "mapped_bytes", "mapcount", "mappers", "node", "flags"}
CONTRACT: dict[str, set[str]] = {
    # The contract's own, and the report that came after it.
    "Snapshot": {"schema", "taken_at", "host", "capabilities", "pools", "processes", "report"},
    "HostInfo": {"name", "kernel", "boot_id"},
    "Capabilities": {"pfn", "kpageflags", "pagemap_scan", "procmap_query", "hgm"},
    "Pool": {"page_size", "node", "total", "free", "reserved", "surplus"},
    # `name` and `guest` came later too.
    "Process": {"pid", "comm", "name", "vm", "mappings"},
    "Mapping": {
        *("start", "end", "page_size", "kind", "shared", "backing", "vm_flags"),
        *("level_bytes", "guest", "runs"),
    },
    "ProcessName": {"name", "kind", "source"},
    "GuestRam": {"offset", "backend", "low_bytes", "inferred"},
    "Backing": {"kind", "name", "inode", "offset"},
    "LevelBytes": {"pud", "pmd", "pte"},
    "Run": RUN,
}


def shown(rows: list[Row], **facts: Any) -> dict[str, Any]:
    """A snapshot of one mapping, as JSON."""
    picture = picture_of(mapping_info(1, len(rows), **facts), rows)
    answer = json.loads(picture.snapshot().model_dump_json())
    assert isinstance(answer, dict)
    return answer


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", CONTRACT)
def test_fields_are_those_of_the_contract_and_all_are_required(name: str) -> None:
    record = SCHEMA if name == "Snapshot" else SCHEMA["$defs"][name]
    assert set(record["properties"]) == CONTRACT[name]
    assert set(record["required"]) == CONTRACT[name]


@given(st.data())
@several
def test_json_validates_against_its_own_schema(data: st.DataObject) -> None:
    page_size = data.draw(st.sampled_from((64 << 10, MIB2, 1 << 30)))
    facts = {
        "shared": data.draw(st.booleans()),
        "vm_flags": data.draw(st.none() | st.lists(st.sampled_from(["rd", "ht", "hm"]))),
        "page_size": page_size,
    }
    rows = data.draw(any_rows(page_size, least=1))
    VALIDATOR.validate(shown(rows, **facts))


def test_every_state_is_in_the_schema() -> None:
    assert [state.label for state in CellState] == SCHEMA["$defs"]["Run"]["properties"]["state"][
        "enum"
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "hugescope/snapshot/2"),
        (("taken_at",), 12),
        (("pools", 0, "total"), 1.5),
        (("processes", 0, "pid"), 0),
        (("processes", 0, "mappings", 0, "kind"), "ksm"),
        (("processes", 0, "mappings", 0, "runs", 0, "state"), "gone"),
        (("processes", 0, "mappings", 0, "runs", 0, "count"), 0),
        (("processes", 0, "mappings", 0, "runs", 0, "flags"), ["hot"]),
        (("processes", 0, "mappings", 0, "runs", 0, "mapcount"), -1),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_the_schema_refuses_what_the_contract_does_not_allow(
    path: tuple[str | int, ...], value: object
) -> None:
    text = shown([whole_row(CellState.MAPPED)])
    place: Any = text
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    with pytest.raises(ValidationError):
        VALIDATOR.validate(text)


def test_a_snapshot_reads_back_what_it_wrote() -> None:
    snapshot = picture_of(mapping_info(1, 1), [whole_row(CellState.MAPPED)]).snapshot()
    assert Snapshot.model_validate_json(snapshot.model_dump_json()) == snapshot


def test_a_time_without_zone_is_refused() -> None:
    text = shown([whole_row(CellState.MAPPED)]) | {"taken_at": "2026-01-02T03:04:05"}
    with pytest.raises(RecordError, match="taken_at"):
        Snapshot.model_validate(text)


def test_counters_are_signed_and_may_be_missing() -> None:
    pool = Pool(page_size=MIB2, node=0, total=1, free=1, reserved=-5, surplus=None)
    assert json.loads(pool.model_dump_json())["reserved"] == -5
    assert json.loads(pool.model_dump_json())["surplus"] is None


def test_the_schema_that_is_shipped_is_of_this_definition() -> None:
    """`make schema` writes it."""
    shipped = json.loads((files("hugescope_wire") / "snapshot.schema.json").read_text())
    made = Snapshot.model_json_schema(mode="serialization", by_alias=True)
    assert shipped == {"$schema": shipped["$schema"], **made}
