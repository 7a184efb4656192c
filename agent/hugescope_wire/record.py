"""What every record that travels has in common."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal[
    "hole", "mapped", "full", "split", "partial", "marker", "poisoned", "migrating", "small"
]
Count = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """A frozen record; fields that a newer peer added are ignored.

    What is sent always holds the fields that have a default, so the schema of what is sent requires
    them.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,
    )
