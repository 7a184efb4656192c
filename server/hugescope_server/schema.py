"""One JSON document of all that a browser meets; the front end's types are made from it.

It is FastAPI's OpenAPI document with the viewer socket's messages and the numeric enums of the
binary frames added under `components/schemas`. Constants stand in the enum `WireConstant`, and by
name under `x-hugescope-constants`. `python -m hugescope_server.schema` prints it; equal sources
print equal bytes.
"""

from __future__ import annotations

import json
import sys
from enum import IntEnum, IntFlag
from typing import Any, Final

from hugescope_server.app import create_app
from hugescope_server.settings import ServerSettings
from hugescope_wire import cells, follow, frames, host, messages, migration, view

Schema = dict[str, Any]

REF_TEMPLATE: Final = "#/components/schemas/{model}"

NUMERIC_ENUMS: Final[tuple[type[IntEnum] | type[IntFlag], ...]] = (
    cells.CellState,
    cells.CellFlag,
    frames.FrameKind,
    frames.Encoding,
)

CONSTANTS: Final[dict[str, int]] = {
    "CREDIT": messages.CREDIT,
    "MAX_COUNT": cells.MAX_COUNT,
    "MAX_VIEWER_MESSAGE_BYTES": messages.MAX_VIEWER_MESSAGE_BYTES,
    "PAGE_BYTES": cells.PAGE_BYTES,
    "PROTOCOL_VERSION": host.PROTOCOL_VERSION,
    "MAX_MIGRATION_POINTS": migration.MAX_MIGRATION_POINTS,
    "MAX_THUMBS": follow.MAX_THUMBS,
    "SEVERAL_NODES": cells.SEVERAL_NODES,
    "TABLE_ENTRIES": view.TABLE_ENTRIES,
    "UNKNOWN_AGE": cells.UNKNOWN_AGE,
    "UNKNOWN_COUNT": cells.UNKNOWN_COUNT,
    "UNKNOWN_NODE": cells.UNKNOWN_NODE,
}


def document() -> Schema:
    """The whole document, keys sorted at every level.

    Raises:
        ValueError: two different definitions under one name.
    """
    api: Schema = create_app(ServerSettings()).openapi()
    schemas: Schema = api.setdefault("components", {}).setdefault("schemas", {})
    for name, definition in (*_message_schemas().items(), *_enum_schemas().items()):
        if schemas.setdefault(name, definition) != definition:
            raise ValueError(f"components/schemas/{name} would have two definitions")
    api["x-hugescope-constants"] = {"FRAME_MAGIC": frames.MAGIC.decode(), **CONSTANTS}
    ordered: Schema = json.loads(json.dumps(api, sort_keys=True))
    return ordered


def _message_schemas() -> Schema:
    """Both directions of the viewer socket, as sent: every field with a default is there."""
    out: Schema = {}
    for name, adapter in (("ToViewer", messages.TO_VIEWER), ("FromViewer", messages.FROM_VIEWER)):
        made = adapter.json_schema(mode="serialization", ref_template=REF_TEMPLATE)
        union: Schema = json.loads(json.dumps(made), object_hook=_without_null_default)
        out.update(union.pop("$defs"))
        out[name] = {**union, "title": name}
    return out


def _without_null_default(definition: Schema) -> Schema:
    """FastAPI leaves `default: null` out; the same definition must look the same."""
    return {
        key: value for key, value in definition.items() if key != "default" or value is not None
    }


def _enum_schemas() -> Schema:
    """Enums as integers with their names beside them, as type generators expect."""
    named = {
        enum.__name__: ({member.name or "": int(member) for member in enum}, enum.__doc__ or "")
        for enum in NUMERIC_ENUMS
    }
    named["WireConstant"] = (CONSTANTS, "Limits and markers of the wire.")
    return {
        name: {
            "title": name,
            "type": "integer",
            "description": doc,
            "enum": list(values.values()),
            "x-enum-varnames": list(values),
        }
        for name, (values, doc) in named.items()
    }


def main() -> None:
    """Print the document."""
    json.dump(document(), sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
