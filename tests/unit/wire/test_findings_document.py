import json
from datetime import UTC, datetime
from importlib.resources import files

from jsonschema import Draft202012Validator

from hugescope_wire.findings import Finding
from hugescope_wire.findings_document import FindingsDocument
from hugescope_wire.snapshot import HostInfo

MADE = FindingsDocument(
    taken_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    host=HostInfo(name="box", kernel=None, boot_id=None),
    findings=[
        Finding(
            key="idle-pool:2097152",
            code="idle-pool",
            severity="notice",
            what="A pool idles.",
            why="It keeps memory.",
            advice="Shrink it.",
        )
    ],
)


def test_the_schema_that_is_shipped_is_of_this_definition() -> None:
    """`make schema` writes it."""
    shipped = json.loads((files("hugescope_wire") / "findings.schema.json").read_text())
    made = FindingsDocument.model_json_schema(mode="serialization", by_alias=True)
    assert shipped == {"$schema": shipped["$schema"], **made}
    Draft202012Validator.check_schema(shipped)


def test_json_fits_its_schema_and_reads_back() -> None:
    text = MADE.model_dump_json()
    schema = FindingsDocument.model_json_schema(mode="serialization", by_alias=True)
    Draft202012Validator(schema).validate(json.loads(text))
    assert FindingsDocument.model_validate_json(text) == MADE


def test_all_that_is_sent_is_required() -> None:
    schema = FindingsDocument.model_json_schema(mode="serialization", by_alias=True)
    assert set(schema["required"]) == {"schema", "taken_at", "host", "findings"}
    finding = schema["$defs"]["Finding"]
    assert set(finding["required"]) == set(Finding.model_fields)
