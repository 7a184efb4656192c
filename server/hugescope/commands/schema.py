"""`hugescope schema`: the JSON Schema of a snapshot."""

from __future__ import annotations

import json
from typing import Final

from hugescope_wire.snapshot import Snapshot

NAME: Final = "schema"


def run() -> None:
    """Print the JSON Schema of what `snapshot --json` prints."""
    schema = Snapshot.model_json_schema(mode="serialization", by_alias=True)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    print(json.dumps(schema, indent=1))
