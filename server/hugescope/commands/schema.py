"""`hugescope schema`: the JSON Schemas of what the commands print."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Final

import typer

from hugescope_wire.findings_document import FindingsDocument
from hugescope_wire.record import Record
from hugescope_wire.snapshot import Snapshot

NAME: Final = "schema"


class Document(StrEnum):
    """What a schema is of; agent/hugescope_wire/ has each as NAME.schema.json."""

    SNAPSHOT = "snapshot"
    FINDINGS = "findings"


_RECORDS: Final[dict[Document, type[Record]]] = {
    Document.SNAPSHOT: Snapshot,
    Document.FINDINGS: FindingsDocument,
}


def run(
    document: Annotated[
        Document, typer.Argument(help="What `snapshot --json` or `findings --json` prints.")
    ] = Document.SNAPSHOT,
) -> None:
    """Print the JSON Schema of what `snapshot --json`, or another command, prints."""
    schema = _RECORDS[document].model_json_schema(mode="serialization", by_alias=True)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    print(json.dumps(schema, indent=1))
