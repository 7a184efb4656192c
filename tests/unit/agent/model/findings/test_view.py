from dataclasses import replace

import pytest

from hugescope_wire.host import Limit, Source
from tests.unit.agent.model.findings.made_facts import facts, found, only


def limit(capability: str, remedy: str | None = "run as root") -> Limit:
    return Limit(
        capability=capability, reason="it cannot be read", cost="counts are low", remedy=remedy
    )


def test_processes_that_could_not_be_read() -> None:
    finding = only(facts(denied=3, limits=[limit("processes")]), "partial-view")
    assert finding.severity == "notice"
    assert finding.what == "3 processes could not be read, for want of privileges."
    assert finding.advice == "Run as root."


def test_page_frame_numbers_that_are_hidden() -> None:
    finding = only(facts(limits=[limit("pfn", None)]), "partial-view")
    assert finding.key == "partial-view:pfn"
    assert finding.what == "This view is partial: it cannot be read."
    assert finding.why == "Counts are low."


@pytest.mark.parametrize("capability", ["pagemap_scan", "procmap_query"])
def test_what_is_read_in_another_way_is_not_missing(capability: str) -> None:
    assert not found(facts(limits=[limit(capability)]), "partial-view")


def test_everything_was_read() -> None:
    assert not found(facts(), "partial-view")


def test_a_capture_cannot_be_given_what_it_lacks() -> None:
    look = replace(facts(limits=[limit("kpageflags")]), source=Source(kind="capture"))
    assert only(look, "partial-view").command is None
    assert only(facts(limits=[limit("kpageflags")]), "partial-view").command == "hugescope doctor"
