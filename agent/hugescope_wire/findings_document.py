"""The findings that other people's scripts read: schema `hugescope/findings/1`."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from hugescope_wire.findings import Finding
from hugescope_wire.record import Record
from hugescope_wire.snapshot import HostInfo

FINDINGS_SCHEMA: Final = "hugescope/findings/1"


class FindingsDocument(Record):
    """The findings of one look at one host: the most severe first, then by code and key."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, serialize_by_alias=True
    )

    schema_name: Literal["hugescope/findings/1"] = Field(FINDINGS_SCHEMA, alias="schema")
    taken_at: AwareDatetime
    host: HostInfo
    findings: list[Finding]
