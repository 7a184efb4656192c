import json
import subprocess
import sys

import jsonschema
import pytest

from hugescope_server import schema
from hugescope_wire.cells import CellState
from hugescope_wire.follow import FollowedHost
from hugescope_wire.messages import CREDIT, Follow
from tests.unit.server.made_talk import Talk


@pytest.fixture(scope="module")
def document() -> schema.Schema:
    return schema.document()


def test_messages_of_both_directions_and_enums(document: schema.Schema) -> None:
    schemas = document["components"]["schemas"]
    assert {"Snapshot", "Overview", "Subscribe", "Subscribed", "ErrorBody"} <= set(schemas)
    assert set(schemas["ToViewer"]["discriminator"]["mapping"]) == {
        "welcome",
        "overview",
        "report",
        "subscribed",
        "ended",
        "thumbnails",
        "statistics",
        "migrations",
        "migration",
        "migration_missing",
        "time",
        "refusal",
    }
    assert "type" in schemas["Subscribe"]["required"]
    states = schemas["CellState"]
    pairs = zip(states["x-enum-varnames"], states["enum"], strict=True)
    assert dict(pairs) == {state.name: state.value for state in CellState}
    assert schemas["CellFlag"]["enum"] == [1, 2, 4, 8]
    constants = schemas["WireConstant"]
    assert constants["enum"][constants["x-enum-varnames"].index("CREDIT")] == CREDIT


def test_every_reference_leads_somewhere(document: schema.Schema) -> None:
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    for part in text.split('"$ref": "')[1:]:
        name = part.split('"')[0].removeprefix("#/components/schemas/")
        assert name in schemas


def test_what_is_sent_fits_the_schema(document: schema.Schema) -> None:
    talk = Talk()
    talk.poll()
    messages = talk.mailbox.poll(talk.server.now + 2)
    talk.subscribe()
    messages += talk.mailbox.poll(talk.server.now + 4)
    validator = jsonschema.Draft202012Validator(
        {"$ref": "#/components/schemas/ToViewer", "components": document["components"]}
    )
    wish = FollowedHost(host_id="h1", thumbnails=[1], statistics=True)
    talk.session.take(talk.host.delta())
    talk.server.now += 1
    talk.session.take(talk.host.delta())
    talk.mailbox.receive(Follow(hosts=[wish]).model_dump_json())
    messages += talk.mailbox.poll(talk.server.now + 6)
    texts = [json.loads(message) for message in messages if isinstance(message, str)]
    expected = ["overview", "overview", "subscribed", "overview", "thumbnails", "statistics"]
    assert [text["type"] for text in texts] == expected
    for text in texts:
        validator.validate(text)


def test_two_definitions_under_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_enum_schemas", lambda: {"Snapshot": {}})
    with pytest.raises(ValueError, match="components/schemas/Snapshot"):
        schema.document()


def test_prints_the_same_each_time(document: schema.Schema) -> None:
    command = [sys.executable, "-m", "hugescope_server.schema"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == document
    assert list(json.loads(done.stdout)) == sorted(document)
