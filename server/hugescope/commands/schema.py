"""`hugescope schema`: the JSON Schemas of what the commands print."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Final

import typer

from hugescope_wire.record import Record

NAME: Final = "schema"


class Document(StrEnum):
    """What a schema is of; agent/hugescope_wire/ has each as NAME.schema.json."""

    SNAPSHOT = "snapshot"
    FINDINGS = "findings"
    DIFF = "diff"


def run(
    document: Annotated[
        Document,
        typer.Argument(help="What `snapshot --json`, `findings --json` or `diff --json` prints."),
    ] = Document.SNAPSHOT,
) -> None:
    """Print the JSON Schema of what `snapshot --json`, or another command, prints."""
    schema = _record_of(document).model_json_schema(mode="serialization", by_alias=True)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    print(json.dumps(schema, indent=1))


def _record_of(document: Document) -> type[Record]:
    # Imported when asked for: some take a while, and every command would wait for them.
    from hugescope_wire.diff_document import DiffDocument
    from hugescope_wire.findings_document import FindingsDocument
    from hugescope_wire.snapshot import Snapshot

    records: dict[Document, type[Record]] = {
        Document.SNAPSHOT: Snapshot,
        Document.FINDINGS: FindingsDocument,
        Document.DIFF: DiffDocument,
    }
    return records[document]
