"""Reports and pages made up for tests."""

from __future__ import annotations

from typing import Any

from hugescope_wire.account import Vmemmap
from hugescope_wire.findings import Finding
from hugescope_wire.page import PageDetail
from hugescope_wire.report import HostReport, Poison
from tests.unit.server.made_host import PAGE_SIZE, TAKEN_AT


def report(*findings: Finding, **parts: Any) -> HostReport:
    """A report with these findings, and nothing else unless given."""
    empty: dict[str, Any] = {
        name: []
        for name in (
            *("accounts", "holdings", "reservations", "cgroups", "mappings", "uffd_holders"),
            *("uffd_waiters", "guest_memory", "stage2", "boot"),
        )
    }
    empty["vmemmap"] = Vmemmap(enabled=None, memmap_bytes=None, saved_bytes=None)
    empty["poison"] = Poison(pages=[], failures=[], hardware_corrupted_bytes=None)
    return HostReport(taken_at=TAKEN_AT, findings=list(findings), **(empty | parts))


def finding(code: str = "idle-pool", **parts: Any) -> Finding:
    """A finding of this code."""
    said = {"what": "a pool idles", "why": "memory is kept", "advice": "shrink it"}
    return Finding.model_validate({"key": code, "code": code, "severity": "notice"} | said | parts)


def page(**parts: Any) -> PageDetail:
    """A mapped page of process 7."""
    facts: dict[str, Any] = {
        "pid": 7,
        "comm": "p7",
        "start": 0x7F0000000000,
        "first": 1,
        "address": 0x7F0000000000 + PAGE_SIZE,
        "page_size": PAGE_SIZE,
        "state": "mapped",
        "mapped_bytes": PAGE_SIZE,
        "mapcount": 1,
        "mappers": 1,
        "processes": 1,
        "node": 0,
        "flags": [],
        "file": None,
        "file_offset": PAGE_SIZE,
        "reasons": [],
        "explanation": [],
        "mapped_by": [],
        "parts": [],
    }
    return PageDetail.model_validate(facts | parts)
